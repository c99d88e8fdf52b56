// A deadlock: client and server both write, neither reads, and the buffers fill up. Then two cures.
//
//     swift run Deadlock
import Foundation
import Sockets

let message = [UInt8](repeating: 46, count: 16 << 20)  // Far more than the buffers hold.

/// Connects to an echo server, which sends back what it received before it receives more.
func connectToEchoServer() throws(SocketError) -> Socket {
    let (client, server) = try Socket.pair()
    Thread.detachNewThread {
        while let bytes = try? server.receive(), !bytes.isEmpty {
            guard (try? server.sendAll(bytes)) != nil else { break }
        }
    }
    return client
}

print("The client sends \(message.count) bytes and receives only afterwards:")
do {
    let socket = try connectToEchoServer()
    try socket.sendAll(message, timeout: .seconds(1))
    _ = try SocketStream(socket).readExactly(message.count)
} catch {
    print("  Deadlock: \(error)")
    print("  The server cannot send either, because the client does not receive.")
}

print("First cure, threads: one thread sends while another receives:")
let socket = try connectToEchoServer()
Thread.detachNewThread { try? socket.sendAll(message) }
let echo = try SocketStream(socket).readExactly(message.count, timeout: .seconds(60))
print("  Received \(echo.count) bytes")

print("Second cure, a reply per request: little data is in flight at any time:")
let stream = try SocketStream(connectToEchoServer())
var received = 0
for start in stride(from: 0, to: message.count, by: 4096) {
    try stream.write(Array(message[start..<start + 4096]))
    try stream.flush()
    received += try stream.readExactly(4096, timeout: .seconds(60)).count
}
print("  Received \(received) bytes, 4096 at a time")
