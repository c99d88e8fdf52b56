// The base server: waits for callers, reports each of them, and closes the connection.
//
//     swift run BaseServer [PORT [CALLERS]]
//     telnet localhost 51423
import Sockets

let arguments = CommandLine.arguments.dropFirst()

do {
    let port = try Port(parsing: arguments.first ?? "51423")
    let callers = arguments.dropFirst().first.flatMap { Int($0) } ?? .max

    // No host: every interface, IPv6 and IPv4. SO_REUSEADDR is set, and the backlog is large.
    let server = try Socket(on: .tcp(port: port))
    print("Listening on \(server.localAddress)")

    print("Waiting for connections...")
    for _ in 0..<callers {
        let caller = try server.accept()
        print("Got connection from \(caller.remoteAddress)")
        caller.close()
    }
} catch {
    print(error)
}
