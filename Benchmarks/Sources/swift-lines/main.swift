// swift-lines PORT [--text] [--async]: reads lines as bytes or as `String`s, from a `SocketStream`
// or from a `Connection` on an event loop.
//
// The main function is synchronous, because valgrind's callgrind, which counts instructions, cannot
// run a program whose main function is async.
import Foundation
import Sockets

let port = try Port(parsing: CommandLine.arguments[1])
let isText = CommandLine.arguments.contains("--text")
let isAsync = CommandLine.arguments.contains("--async")
if isAsync {
    let group = try LoopGroup(loops: 1)
    Task(executorPreference: group.executors[0]) { try await readAsync(group: group) }
    while true { pause() }
} else {
    try readBlocking()
}

func readBlocking() throws {
    let stream = try SocketStream(to: .tcp("127.0.0.1", port: port))
    try stream.socket.sendAll("\(getpid())\n")
    var (lines, bytes) = (0, 0)
    if isText {
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
}

func readAsync(group: LoopGroup) async throws {
    let connection = try await Connection(to: .tcp("127.0.0.1", port: port), group: group)
    try await connection.write("\(getpid())\n")
    var (lines, bytes) = (0, 0)
    if isText {
        for try await line in connection.lines {
            lines += 1
            bytes += line.utf8.count
        }
    } else {
        while let count = try await connection.withLine({ line in line.byteCount }) {
            lines += 1
            bytes += count
        }
    }
    try await connection.write("\(lines) \(bytes)\n")
    _ = try await connection.read(atMost: 1)
}
