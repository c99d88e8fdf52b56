import Foundation
import Sockets

/// A server with limits, which tells how each of its callers ended.
///
/// The kinds: `lines` wants a line within the limit, `pushing` sends 10 MB to who may not take it
/// within the limit, `long` reads lines to the end, `echo` is what it says, with the limit as that of
/// idle connections. A line for each caller: the cause, and the seconds that it took.
struct HostileServer {
    private let kind: String
    private let limit: Duration

    init(_ kind: String, _ seconds: String?) {
        self.kind = kind
        limit = .seconds(seconds.flatMap(Double.init) ?? 1)
    }

    private static let words = [UInt8](repeating: 46, count: 10_000_000)

    func run() async throws {
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0))
        say("listening \(listener.localAddress.port ?? 0)")
        let options = ServeOptions(idleTimeout: kind == "echo" ? TimeLimit(limit) : .never)
        let ledger = Ledger()
        Thread.detachNewThread {
            // Written elsewhere: a loop must not wait for whoever reads our words.
            while true { ledger.write() }
        }
        try await listener.serve(options: options) { [kind, limit] caller in
            let start = ContinuousClock.now
            var end = "ended"
            do throws(SocketError) {
                switch kind {
                case "lines": _ = try await caller.readLine(timeout: TimeLimit(limit))
                case "pushing": try await caller.write(Self.words, timeout: TimeLimit(limit))
                case "long":
                    while try await caller.readLine() != nil {}
                default: _ = try await caller.echo()
                }
            } catch {
                switch error.cause {
                case .timedOut: end = "timed-out"
                case .lineTooLong: end = "line-too-long"
                case .system(let code): end = "system-\(code.rawValue)"
                default: end = "other"
                }
            }
            ledger.note("\(end) \(start.duration(to: .now) / .seconds(1))")
            if end == "line-too-long" {
                // The rest of the line is passed over, and takes no memory.
                _ = try? await caller.readLine()
                ledger.note("passed-over 0")
            }
        }
    }
}

/// Lines that are to be written.
final class Ledger: @unchecked Sendable {
    // Safe: the condition guards the lines.
    private let condition = NSCondition()
    private var lines: [String] = []

    func note(_ line: String) {
        condition.lock()
        lines.append(line)
        condition.signal()
        condition.unlock()
    }

    /// Waits for lines, and writes them.
    func write() {
        condition.lock()
        while lines.isEmpty { condition.wait() }
        let taken = lines
        lines = []
        condition.unlock()
        say(taken.joined(separator: "\n"))
    }
}

/// Starts programs while a server is busy, and tells what they inherited.
enum Children {
    static func run() async throws {
        let listener = try await Listener(on: .tcp("127.0.0.1", port: 0))
        let address = listener.localAddress
        let channel = try await DatagramChannel(on: .udp(port: 0))
        let blocking = try Socket(on: .unix(unixPath("children")))
        let serving = Task { try await listener.serve { caller in try await caller.echo() } }
        // Sockets are made and closed all the time while the children start.
        let callers = (0..<8).map { _ in
            Task {
                while !Task.isCancelled {
                    let caller = try await Connection(to: address)
                    _ = try await caller.exchange("hello\n", reading: .line)
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
        for caller in callers { caller.cancel() }
        serving.cancel()
        channel.close()
        blocking.close()
        say("children saw \(seen.sorted().joined(separator: " "))")
    }

    /// What a child sees; the descriptor with which it looks is its own.
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
