import Foundation
import Sockets

/// A server with time limits that reports how each connection ended.
///
/// `lines` expects a line within the limit. `pushing` sends 10 MB within the limit. `long` reads lines
/// to the end. `echo` echoes, with the limit as its idle timeout. The server prints the cause and the
/// seconds of each connection on a line.
struct HostileServer {
    private let kind: String
    private let limit: Duration

    init(_ kind: String, _ seconds: String?) {
        self.kind = kind
        limit = .seconds(seconds.flatMap(Double.init) ?? 1)
    }

    private static let payload = [UInt8](repeating: 46, count: 10_000_000)

    func run() async throws {
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0))
        say("listening \(listener.localAddress.port ?? 0)")
        let options = ServeOptions(idleTimeout: kind == "echo" ? TimeLimit(limit) : .never)
        let reports = Reports()
        Thread.detachNewThread {
            // A thread writes the lines, because a loop must not wait for the reader of the output.
            while true { reports.write() }
        }
        try await listener.serve(options: options) { [kind, limit] client in
            let start = ContinuousClock.now
            var end = "ended"
            do throws(SocketError) {
                switch kind {
                case "lines": _ = try await client.readLine(timeout: TimeLimit(limit))
                case "pushing": try await client.write(Self.payload, timeout: TimeLimit(limit))
                case "long":
                    while try await client.readLine() != nil {}
                default: _ = try await client.echo()
                }
            } catch {
                switch error.cause {
                case .timedOut: end = "timed-out"
                case .lineTooLong: end = "line-too-long"
                case .system(let code): end = "system-\(code.rawValue)"
                default: end = "other"
                }
            }
            reports.note("\(end) \(start.duration(to: .now) / .seconds(1))")
            if end == "line-too-long" {
                // The rest of the line is skipped and uses no memory.
                _ = try? await client.readLine()
                reports.note("skipped 0")
            }
        }
    }
}

/// Lines that wait to be written.
final class Reports: @unchecked Sendable {
    // Safe: the condition guards the lines.
    private let condition = NSCondition()
    private var lines: [String] = []

    func note(_ line: String) {
        condition.lock()
        lines.append(line)
        condition.signal()
        condition.unlock()
    }

    /// Waits for lines and writes them.
    func write() {
        condition.lock()
        while lines.isEmpty { condition.wait() }
        let taken = lines
        lines = []
        condition.unlock()
        say(taken.joined(separator: "\n"))
    }
}

/// Starts programs while a server is busy, and reports which descriptors they inherited.
enum Children {
    static func run() async throws {
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0))
        let address = listener.localAddress
        let channel = try await DatagramChannel(on: .udp(port: 0))
        let blocking = try Socket(on: .unix(unixPath("children")))
        let serving = Task { try await listener.serve { client in try await client.echo() } }
        // Sockets are created and closed all the time while the children start.
        let clients = (0..<8).map { _ in
            Task {
                while !Task.isCancelled {
                    let client = try await Connection(to: address)
                    _ = try await client.exchange("hello\n", reading: .line)
                    let pair = try Socket.pair()
                    pair.0.close()
                    pair.1.close()
                }
            }
        }
        var seen = Set<String>()
        for _ in 0..<200 {
            seen.formUnion(try inherited())
        }
        for client in clients { client.cancel() }
        serving.cancel()
        channel.close()
        blocking.close()
        say("children saw \(seen.sorted().joined(separator: " "))")
    }

    /// Returns the descriptors that a child inherited, without the one that it opened itself.
    private static func inherited() throws -> Set<String> {
        guard let pipe = popen("ls -l /proc/self/fd", "r") else { return ["nothing"] }
        defer { pclose(pipe) }
        var seen = Set<String>()
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, Int32(line.count), pipe) != nil {
            let text = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            guard let arrow = text.range(of: " -> ") else { continue }
            let target = text[arrow.upperBound...].trimmingCharacters(in: .whitespacesAndNewlines)
            guard !target.hasPrefix("/proc/") else { continue }
            let name = text[..<arrow.lowerBound].split(separator: " ").last ?? ""
            seen.insert("\(name)=\(target.prefix { $0 != "[" && $0 != ":" })")
        }
        return seen
    }
}
