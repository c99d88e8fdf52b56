// The base server: accepts clients, reports each client, and closes the connection.
//
//     swift run BaseServer [PORT [CLIENTS]]
//     telnet localhost 51423
import Sockets

let arguments = CommandLine.arguments.dropFirst()

do {
    let port = try Port(parsing: arguments.first ?? "51423")
    let clients = arguments.dropFirst().first.flatMap { Int($0) } ?? .max

    // Without a host, the socket listens on every interface, for IPv6 and IPv4.
    // SO_REUSEADDR is set, and the backlog is as large as the kernel allows.
    let server = try Socket(on: .tcp(port: port))
    print("Listening on \(server.localAddress)")

    print("Waiting for connections...")
    for _ in 0..<clients {
        let client = try server.accept()
        print("Got connection from \(client.remoteAddress)")
        // Closing with unread bytes would reset the connection, so this discards them first, and
        // waits up to 2 seconds for the client to close.
        client.finish()
    }
} catch {
    print(error)
}
