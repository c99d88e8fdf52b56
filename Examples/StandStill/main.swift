// Stand still: makes a connection on which nothing moves, and prints why.
//
//     swift run StandStill SITUATION
import Foundation
import Sockets

let server = try Socket(on: .tcp("127.0.0.1", port: 0))
let socket = try Socket(to: server.localAddress)
let peer = try server.accept()
let message = [UInt8](repeating: 46, count: 16 << 20)  // Far more than the buffers hold.

/// Prints what an operation fails with.
func report(_ operation: () throws -> Void) {
    do { try operation() } catch { print(error) }
}

switch CommandLine.arguments.dropFirst().first {
case "peer-not-reading":
    // The peer is there, and does something else.
    report { try socket.sendAll(message, timeout: .seconds(1)) }

case "both-writing":
    // The peer sends as well, and reads only afterwards.
    Thread.detachNewThread { try? peer.sendAll(message) }
    report { try socket.sendAll(message, timeout: .seconds(1)) }

case "both-waiting":
    // A line without its end: the peer waits for the rest of it, and we for the answer.
    let stream = SocketStream(socket)
    Thread.detachNewThread { _ = try? SocketStream(peer).readLine() }
    try stream.write("HELP")
    report { _ = try stream.readLine(timeout: .seconds(1)) }

case "not-reading":
    // An answer has come, and nobody reads it.
    try peer.sendAll("220 ready\r\n")
    print(try socket.diagnose(watching: .seconds(1)))

case "slow":
    // The peer reads a little now and then; only watching tells that from not reading.
    Thread.detachNewThread {
        while (try? peer.receive(atMost: 65536))?.isEmpty == false {
            Thread.sleep(forTimeInterval: 0.2)
        }
    }
    Thread.detachNewThread { try? socket.sendAll(message) }
    print(try socket.diagnose(watching: .seconds(3)))

case "gone":
    // The peer closes with something unread in its buffer, which resets the connection.
    try socket.sendAll("HELP\r\n")
    _ = try peer.peek()
    peer.close()
    print(try socket.diagnose(watching: .milliseconds(200)))

default:
    print("usage: StandStill peer-not-reading|both-writing|both-waiting|not-reading|slow|gone")
}
