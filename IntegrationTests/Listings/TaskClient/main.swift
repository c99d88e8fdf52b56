// An async client that reads lines.
import Sockets

let connection = try await Connection(to: .tcp("localhost", port: "daytime"))
for try await line in connection.lines { print(line) }
