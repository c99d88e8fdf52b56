// The four classes of errors that Python's tutorial teaches, provoked and told apart.
//
//     swift run ErrorClasses
import Sockets

/// Tries something that fails, and tells which class of error it was.
func provoke(_ attempt: () throws -> Void) {
    do {
        try attempt()
        print("No error")
    } catch let error as SocketError {
        switch error.cause {
        case .system(let errno): print("System error \(errno.rawValue) (socket.error)")
        case .nameResolution: print("Name resolution (socket.gaierror)")
        case .hostLookup(let failure): print("Host look-up (socket.herror), \(failure)")
        case .timedOut: print("Time-out (socket.timeout)")
        default: print("Another cause")
        }
        print("   ", error)
    } catch {
        print("Not an error of a socket: \(error)")
    }
}

// Nobody listens: the socket is bound, so that the port is nobody else's, and that is all.
let silent = try Socket(.ipv4)
try silent.bind(on: .ipv4(.loopback, port: 0))
provoke { try Socket(.ipv4).connect(to: silent.localAddress) }

// A name where only a numeric address may stand.
provoke { _ = try Resolver.resolve(.tcp("www.example.com", port: 80), numericOnly: true) }

// The machine at an IPv4 address has no IPv6 addresses.
provoke { _ = try Resolver.host(named: "127.0.0.1", family: .ipv6) }

// A listening socket that nobody calls.
let server = try Socket(on: .tcp("127.0.0.1", port: 0))
provoke { _ = try server.accept(timeout: .milliseconds(50)) }
