// An exchange that cannot deadlock: it reads while it writes.
import Sockets

let connection = try await Connection(to: .tcp("localhost", port: 51423))
let request = "hello\n"

let reply = try await connection.exchange(request, reading: .line)

print(reply.text)
