// A stalled connection: creates a connection that transfers nothing, and prints the reason.
//
//     swift run StalledConnection SITUATION
import Foundation
import Sockets

let server = try Socket(on: .tcp("127.0.0.1", port: 0))
let socket = try Socket(to: server.localAddress)
let peer = try server.accept()
let message = [UInt8](repeating: 46, count: 16 << 20)  // Far more than the buffers hold.

/// Runs an operation and prints its error.
func report(_ operation: () throws -> Void) {
    do { try operation() } catch { print(error) }
}

switch CommandLine.arguments.dropFirst().first {
case "peer-not-reading":
    // The peer is connected but does not read.
    report { try socket.sendAll(message, timeout: .seconds(1)) }

case "both-writing":
    // The peer writes too, and would read only afterwards.
    Thread.detachNewThread { try? peer.sendAll(message) }
    report { try socket.sendAll(message, timeout: .seconds(1)) }

case "both-waiting":
    // A line without its line feed: the peer waits for the rest, and this end waits for the reply.
    let stream = SocketStream(socket)
    Thread.detachNewThread { _ = try? SocketStream(peer).readLine() }
    try stream.write("HELP")
    report { _ = try stream.readLine(timeout: .seconds(1)) }

case "not-reading":
    // A reply has arrived, and this end does not read it.
    try peer.sendAll("220 ready\r\n")
    print(try socket.diagnose(watching: .seconds(1)))

case "slow":
    // The peer reads a little now and then. Only watching distinguishes that from not reading.
    Thread.detachNewThread {
        while (try? peer.receive(atMost: 65536))?.isEmpty == false {
            Thread.sleep(forTimeInterval: 0.2)
        }
    }
    Thread.detachNewThread { try? socket.sendAll(message) }
    print(try socket.diagnose(watching: .seconds(3)))

case "gone":
    // The peer closes with unread bytes in its buffer, which resets the connection.
    try socket.sendAll("HELP\r\n")
    _ = try peer.peek()
    peer.close()
    print(try socket.diagnose(watching: .milliseconds(200)))

default:
    print(
        "usage: StalledConnection "
            + "peer-not-reading|both-writing|both-waiting|not-reading|slow|gone")
}
