// The echo server: sends back what each client sends, for all clients at once. Control-C ends it.
//
//     swift run EchoServer [PORT]
//     telnet localhost 51423
import Sockets

let port = try Port(parsing: CommandLine.arguments.dropFirst().first ?? "51423")
let listener = try await Listener(on: .tcp(port: port))
print("Listening on \(listener.localAddress)")

try await listener.serve { connection in try await connection.echo() }
