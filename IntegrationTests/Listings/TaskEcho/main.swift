// A TCP echo server.
import Sockets

try await Listener(on: .tcp(port: 51423)).serve { connection in try await connection.echo() }
