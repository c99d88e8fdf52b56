// Says why nothing moves on a connection; `IntegrationTests/stalls` plays its peer.
//
//     StallProbe blocking|tasks ACTION PORT
//
// Connects, says so, waits for a line, acts, and prints a verdict with its confidence and evidence, or
// how else it ended. `trips` has a thousand messages echoed under a time limit, for a check that counts
// system calls.
import Foundation
import Sockets

let words = CommandLine.arguments
let message = [UInt8](repeating: 46, count: 64 << 20)
let plenty = [UInt8](repeating: 46, count: words.count > 2 && words[2] == "hurry" ? 1 << 30 : 0)

func tell(_ report: StallReport) {
    let state = report.verdict.isStuck ? "stuck" : "not-stuck"
    print(report.verdict.code, report.confidence, state, report.evidence)
}

func tell(_ error: SocketError) {
    if let report = error.stallReport { tell(report) } else { print("error", error) }
}

let trips = 1000
let question = [UInt8](repeating: 46, count: 64)

func go() {
    FileHandle.standardOutput.write(Data("connected\n".utf8))
    _ = readLine()
}

func blocking(_ action: String, _ socket: Socket) throws {
    go()
    switch action {
    case "write":
        try socket.sendAll(message, timeout: .seconds(1))
    case "read":
        let stream = SocketStream(socket)
        try stream.write("hello\n")
        print("end", try stream.readLine(timeout: .seconds(1)) ?? "nothing")
    case "exchange":
        _ = try socket.exchange(message, reading: .toEnd(), timeout: .seconds(1))
    case "hurry":
        // However fast it is, one of them is not through in time.
        while true { try socket.sendAll(plenty, timeout: .milliseconds(100)) }
    case "trips":
        var answer: [UInt8] = []
        for _ in 0..<trips {
            try socket.sendAll(question, timeout: .seconds(20))
            _ = try socket.receive(appendingTo: &answer, timeout: .seconds(20))
        }
        print("echoed", answer.count)
    case "watch-writing":
        Thread.detachNewThread { while (try? socket.sendAll(message)) != nil {} }
        tell(try socket.diagnose(watching: watching))
    case "watch-reading":
        Thread.detachNewThread { while (try? socket.receive())?.isEmpty == false {} }
        tell(try socket.diagnose(watching: watching))
    default:
        tell(try socket.diagnose(watching: watching))
    }
}

func tasks(_ action: String, _ connection: Connection) async throws {
    go()
    switch action {
    case "write":
        try await connection.write(message, timeout: .seconds(1))
    case "read":
        try await connection.write("hello\n")
        print("end", try await connection.readLine(timeout: .seconds(1)) ?? "nothing")
    case "exchange":
        _ = try await connection.exchange(message, reading: .toEnd(), timeout: .seconds(1))
    case "hurry":
        while true { try await connection.write(plenty, timeout: .milliseconds(100)) }
    case "trips":
        var answer: [UInt8] = []
        for _ in 0..<trips {
            try await connection.write(question, timeout: .seconds(20))
            // The buffer has more room than bytes arrive, so no second read follows.
            _ = try await connection.read(
                appendingTo: &answer, atMost: 4096, timeout: .seconds(20))
        }
        print("echoed", answer.count)
    case "watch-writing":
        let writing = Task { while true { try await connection.write(message) } }
        tell(try await connection.diagnose(watching: watching))
        writing.cancel()
    case "watch-reading":
        let reading = Task { while try await connection.withReceived({ $0.byteCount }) != nil {} }
        tell(try await connection.diagnose(watching: watching))
        reading.cancel()
    default:
        tell(try await connection.diagnose(watching: watching))
    }
}

guard words.count > 3 else { fatalError("usage: StallProbe blocking|tasks ACTION PORT [SECONDS]") }
let watching = Duration.seconds(words.count > 4 ? Double(words[4]) ?? 1 : 1)
let endpoint = Endpoint.tcp("127.0.0.1", port: try Port(parsing: words[3]))
do {
    if words[1] == "blocking" {
        let socket = try Socket(to: endpoint)
        try socket.setOption(.keepAlive, to: true)
        try blocking(words[2], socket)
    } else {
        try await tasks(words[2], try await Connection(to: endpoint))
    }
} catch let error as SocketError {
    tell(error)
}
