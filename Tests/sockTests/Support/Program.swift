import Foundation
import Synchronization

/// The built program, run as its users run it: as a process of its own.
enum SockProgram {
    /// What a run left behind.
    struct Outcome {
        /// The exit status; 128 and the signal's number if a signal ended it, as shells say it.
        let status: Int32
        let output: [UInt8]
        let errors: String

        var text: String { String(decoding: output, as: UTF8.self) }
        var errorLines: [String] {
            errors.split(separator: "\n").map(String.init)
        }
    }

    /// Beside the program that runs the tests.
    static let path: String = {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let candidates = [tests, URL(fileURLWithPath: CommandLine.arguments[0])]
            .map { $0.deletingLastPathComponent().appendingPathComponent("sock").path }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
            ?? candidates[0]
    }()

    /// Runs it to its end, with this text as its input.
    static func run(_ arguments: String..., input: String = "") throws -> Outcome {
        try run(arguments, input: input)
    }

    static func run(_ arguments: [String], input: String = "") throws -> Outcome {
        let running = try RunningSock(arguments)
        running.write(input)
        running.endInput()
        return try running.outcome()
    }

    /// Runs a shell's script, in which `$SOCK` is the program.
    static func shell(_ script: String) throws -> Outcome {
        let running = try RunningSock(["-c", script], program: "/bin/bash")
        running.endInput()
        return try running.outcome()
    }
}

/// A run that is still going on.
///
/// Safe to share: the process and its pipes are used by one test; what the reading threads fill is
/// behind a lock.
final class RunningSock: @unchecked Sendable {
    struct TookTooLong: Error {}

    private let process = Process()
    private let input = Pipe()
    private let collector = Collector()

    /// What the process has written so far: apart from the run itself, so that the threads which
    /// fill it do not keep the run alive.
    private final class Collector: Sendable {
        let written = Mutex<(output: [UInt8], errors: [UInt8])>(([], []))
        let done = DispatchGroup()
    }

    /// A test that has failed leaves no process behind.
    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    init(_ arguments: [String], program: String = SockProgram.path) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment
            .merging(["SOCK": SockProgram.path, "LC_ALL": "C"]) { $1 }
        let (output, errors) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        collect(output) { $0.output += $1 }
        collect(errors) { $0.errors += $1 }
    }

    convenience init(_ arguments: String...) throws {
        try self.init(arguments)
    }

    private func collect(
        _ pipe: Pipe,
        _ take: @escaping @Sendable (inout (output: [UInt8], errors: [UInt8]), [UInt8]) -> Void
    ) {
        collector.done.enter()
        let handle = pipe.fileHandleForReading
        let thread = Thread { [collector] in
            while case let data = handle.availableData, !data.isEmpty {
                collector.written.withLock { take(&$0, Array(data)) }
            }
            collector.done.leave()
        }
        thread.start()
    }

    func write(_ text: String) {
        guard !text.isEmpty else { return }
        try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    }

    func endInput() {
        try? input.fileHandleForWriting.close()
    }

    func send(signal number: Int32) {
        kill(process.processIdentifier, number)
    }

    /// Waits until what has been written to standard error satisfies the condition.
    @discardableResult
    func waitForErrors(_ condition: (String) -> Bool) throws -> String {
        try wait { condition(String(decoding: $0.errors, as: UTF8.self)) }.errors
    }

    /// Waits until standard output is this, or begins with it.
    func waitForOutput(_ beginning: String) throws {
        _ = try wait { String(decoding: $0.output, as: UTF8.self).hasPrefix(beginning) }
    }

    private func wait(
        _ condition: ((output: [UInt8], errors: [UInt8])) -> Bool
    ) throws -> (output: String, errors: String) {
        let end = ContinuousClock.now.advanced(by: .seconds(20))
        while ContinuousClock.now < end {
            let now = collector.written.withLock { $0 }
            if condition(now) {
                return (
                    String(decoding: now.output, as: UTF8.self),
                    String(decoding: now.errors, as: UTF8.self)
                )
            }
            // Not waiting for an event by sleeping: looking again for one that has its own thread.
            usleep(2_000)
        }
        process.terminate()
        throw TookTooLong()
    }

    /// The port that "Listening on 127.0.0.1:41234" names.
    func port() throws -> String {
        let errors = try waitForErrors { $0.contains("Listening on ") && $0.hasSuffix("\n") }
        let line = errors.split(separator: "\n").first { $0.contains("Listening on ") } ?? ""
        let address = line.split(separator: " ").dropFirst(2).first ?? ""
        return address.split(separator: ":").last.map(String.init) ?? ""
    }

    /// Waits for the end; a run that takes more than 30 s is ended.
    func outcome() throws -> SockProgram.Outcome {
        let end = ContinuousClock.now.advanced(by: .seconds(30))
        while process.isRunning {
            if ContinuousClock.now > end {
                kill(process.processIdentifier, SIGKILL)
                throw TookTooLong()
            }
            usleep(2_000)
        }
        _ = collector.done.wait(timeout: .now() + 5)
        let reason = process.terminationReason
        let status = process.terminationStatus
        return collector.written.withLock {
            SockProgram.Outcome(
                status: reason == .uncaughtSignal ? 128 + status : status, output: $0.output,
                errors: String(decoding: $0.errors, as: UTF8.self))
        }
    }
}
