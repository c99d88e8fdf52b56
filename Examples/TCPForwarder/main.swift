// A TCP forwarder: connects each client to another server, and forwards all bytes in both
// directions.
//
//     swift run TCPForwarder 8080 www.example.com http
//     curl --connect-to ::localhost:8080 http://www.example.com/
//
// `join` forwards half-closes as half-closes and resets as resets. It ends when both directions
// have been silent for five minutes. Control-C ends the forwarder.
import Sockets

let arguments = Array(CommandLine.arguments.dropFirst())
let port = arguments.first ?? "8080"
let host = arguments.count > 1 ? arguments[1] : "localhost"
let service = arguments.count > 2 ? arguments[2] : "http"

/// Connects a client to the server, and reports how many bytes were forwarded.
func forward(_ client: Connection, to server: Endpoint) async {
    let name = client.remoteAddress
    do {
        let connection = try await Connection(to: server)
        let counts = try await client.join(connection, idleTimeout: .seconds(300))
        print("\(name) ended: \(counts.forwarded) bytes sent, \(counts.returned) received")
    } catch {
        // The error also contains the numbers of forwarded bytes.
        print("\(name) failed: \(error)")
        client.abort()
    }
}

let server = Endpoint.tcp(host, port: try Port(parsing: service))
let listener = try await Listener(on: .tcp(port: try Port(parsing: port)))
print("Listening on \(listener.localAddress)")

try await listener.serve { client in await forward(client, to: server) }
