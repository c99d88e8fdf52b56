import Foundation

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

    private static let starting = NSLock()

    private let process: pid_t
    private var ending: Int32?
    private let input: Pipe
    private let collector = Collector()

    /// What the process has written so far: apart from the run itself, so that the threads which
    /// fill it do not keep the run alive.
    ///
    /// Safe to share: what it holds is behind a lock. (A `Mutex` would do, but the thread sanitizer
    /// reports one that is waited for.)
    private final class Collector: @unchecked Sendable {
        private let lock = NSLock()
        private var written: Written = ([], [])
        let done = DispatchGroup()

        func withLock<Result>(_ body: (inout Written) -> Result) -> Result {
            lock.withLock { body(&written) }
        }
    }

    private typealias Written = (output: [UInt8], errors: [UInt8])

    /// A test that has failed leaves no process behind.
    deinit {
        guard isRunning() else { return }
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }

    init(_ arguments: [String], program: String = SockProgram.path) throws {
        // A program that inherited another one's input would keep it from ending.
        Self.starting.lock()
        defer { Self.starting.unlock() }
        input = Pipe()
        let (output, errors) = (Pipe(), Pipe())
        let ends = [
            input.fileHandleForReading, output.fileHandleForWriting, errors.fileHandleForWriting,
        ]
        for pipe in [input, output, errors] { Self.closeOnExec(pipe) }
        process = try Self.spawn(program, arguments, ends.map(\.fileDescriptor))
        // Now only the program holds its ends, and when it goes they end.
        for end in ends { try end.close() }
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
                collector.withLock { take(&$0, Array(data)) }
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

    /// How many threads the process has.
    func threadCount() throws -> Int? {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("Threads:") }
        return line?.split(separator: "\t").last.flatMap { Int($0) }
    }

    func send(signal number: Int32) {
        kill(process, number)
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

    /// Waits until standard output is as wanted.
    func waitForOutput(where condition: (String) -> Bool) throws {
        _ = try wait { condition(String(decoding: $0.output, as: UTF8.self)) }
    }

    private func wait(
        _ condition: ((output: [UInt8], errors: [UInt8])) -> Bool
    ) throws -> (output: String, errors: String) {
        let end = ContinuousClock.now.advanced(by: .seconds(20))
        while ContinuousClock.now < end {
            let now = collector.withLock { $0 }
            if condition(now) {
                return (
                    String(decoding: now.output, as: UTF8.self),
                    String(decoding: now.errors, as: UTF8.self)
                )
            }
            // Not waiting for an event by sleeping: looking again for one that has its own thread.
            usleep(2_000)
        }
        kill(process, SIGTERM)
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
        while isRunning() {
            if ContinuousClock.now > end {
                kill(process, SIGKILL)
                throw TookTooLong()
            }
            usleep(2_000)
        }
        _ = collector.done.wait(timeout: .now() + 5)
        let (signal, status) = ((ending ?? 0) & 0x7F, (ending ?? 0) >> 8 & 0xFF)
        return collector.withLock {
            SockProgram.Outcome(
                status: signal == 0 ? status : 128 + signal, output: $0.output,
                errors: String(decoding: $0.errors, as: UTF8.self))
        }
    }

    private func isRunning() -> Bool {
        guard ending == nil else { return false }
        var status: Int32 = 0
        if waitpid(process, &status, WNOHANG) == process { ending = status }
        return ending == nil
    }
}

extension RunningSock {
    /// Starts a process. Foundation's `Process` would do, if it did not leak.
    private static func spawn(
        _ program: String, _ arguments: [String], _ descriptors: [Int32]
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (wanted, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(wanted))
        }
        // The threads that run tests block signals, which the program must not inherit.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var nothing = sigset_t()
        sigemptyset(&nothing)
        posix_spawnattr_setsigmask(&attributes, &nothing)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        let environment = ProcessInfo.processInfo.environment
            .merging(["SOCK": SockProgram.path, "LC_ALL": "C"]) { $1 }
        let words = ([program] + arguments).map { strdup($0) }
        let variables = environment.map { strdup("\($0)=\($1)") }
        defer { (words + variables).forEach { free($0) } }
        var process: pid_t = 0
        let code = posix_spawn(
            &process, program, &actions, &attributes, words + [nil], variables + [nil])
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }
        return process
    }

    private static func closeOnExec(_ pipe: Pipe) {
        for end in [pipe.fileHandleForReading, pipe.fileHandleForWriting] {
            _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
    }
}
