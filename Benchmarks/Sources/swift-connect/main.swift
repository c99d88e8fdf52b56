// swift-connect PORT COUNT [--async]: connects to a server and closes, COUNT times, with `Socket(to:)`
// or with `Connection(to:)` on an event loop. Each connection has a time limit.
//
// The main function is synchronous, because valgrind's callgrind, which counts instructions, cannot run
// a program whose main function is async.
import Foundation
import Sockets

let arguments = CommandLine.arguments
guard arguments.count > 2, let count = Int(arguments[2]) else {
    fatalError("expected PORT COUNT [--async]")
}
let endpoint = Endpoint.tcp("127.0.0.1", port: try Port(parsing: arguments[1]))
let limit = TimeLimit.seconds(10)
if arguments.contains("--async") {
    let group = try LoopGroup(loops: 1)
    Task(executorPreference: group.executors[0]) {
        do {
            for _ in 0..<count {
                let connection = try await Connection(to: endpoint, timeout: limit, group: group)
                connection.close()
            }
            exit(0)
        } catch {
            fatalError("\(error)")
        }
    }
    while true { pause() }
} else {
    for _ in 0..<count { try Socket(to: endpoint, timeout: limit).close() }
}
