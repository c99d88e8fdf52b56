// The four error classes of Python's `socket` module, each provoked and told apart.
//
//     swift run ErrorClasses
import Sockets

/// Runs an operation that fails, and prints the class of the error.
func provoke(_ operation: () throws -> Void) {
    do {
        try operation()
        print("No error")
    } catch let error as SocketError {
        switch error.cause {
        case .system(let errno): print("System error \(errno.rawValue) (socket.error)")
        case .nameResolution: print("Name resolution (socket.gaierror)")
        case .hostLookup(let failure): print("Host lookup (socket.herror), \(failure)")
        case .timedOut: print("Timeout (socket.timeout)")
        default: print("Another cause")
        }
        print("   ", error)
    } catch {
        print("Not a socket error: \(error)")
    }
}

// The socket reserves a port but does not listen, so the connect is refused.
let reserved = try Socket(.ipv4)
try reserved.bind(on: .ipv4(.loopback, port: 0))
provoke { try Socket(.ipv4).connect(to: reserved.localAddress) }

// A host name, where only a numeric address is allowed.
provoke { _ = try Resolver.resolve(.tcp("www.example.com", port: 80), numericOnly: true) }

// The host with this IPv4 address has no IPv6 address.
provoke { _ = try Resolver.host(named: "127.0.0.1", family: .ipv6) }

// A listening socket to which no client connects.
let server = try Socket(on: .tcp("127.0.0.1", port: 0))
provoke { _ = try server.accept(timeout: .milliseconds(50)) }
