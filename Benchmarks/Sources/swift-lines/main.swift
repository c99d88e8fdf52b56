// swift-lines PORT [--text]: reads lines with `withLine`, as bytes, or with `readLine`, as `String`s.
import Foundation
import Sockets

let port = try Port(parsing: CommandLine.arguments[1])
let stream = try SocketStream(connectingTo: .tcp("127.0.0.1", port: port))
try stream.socket.sendAll("\(getpid())\n")

var lines = 0
var bytes = 0
if CommandLine.arguments.contains("--text") {
    while let line = try stream.readLine() {
        lines += 1
        bytes += line.utf8.count
    }
} else {
    while let count = try stream.withLine({ line in line.byteCount }) {
        lines += 1
        bytes += count
    }
}
try stream.socket.sendAll("\(lines) \(bytes)\n")
_ = try stream.socket.receive(atMost: 1)
