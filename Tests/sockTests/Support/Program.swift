import Foundation
import Sockets

@testable import sock

/// Runs the built program as a separate process, as its users do.
enum SockProgram {
    /// The result of a run.
    struct Outcome {
        /// The exit status; 128 plus the number of the signal that ended it, as in a shell.
        let status: Int32
        /// Whether a signal ended it.
        let isSignaled: Bool
        let output: [UInt8]
        let errors: String

        var text: String { String(decoding: output, as: UTF8.self) }
        var errorLines: [String] {
            errors.split(separator: "\n").map(String.init)
        }
    }

    /// The path of the program, next to the one that runs the tests.
    static let path: String = {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let candidates = [tests, URL(fileURLWithPath: CommandLine.arguments[0])]
            .map { $0.deletingLastPathComponent().appendingPathComponent("sock").path }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
            ?? candidates[0]
    }()

    /// Runs the program to its end with this input.
    static func run(_ arguments: String..., input: String = "") throws -> Outcome {
        try run(arguments, input: input)
    }

    static func run(_ arguments: [String], input: String = "") throws -> Outcome {
        let running = try RunningSock(arguments)
        running.write(input)
        running.endInput()
        return try running.outcome()
    }

    /// Runs a shell script, in which `$SOCK` is the program.
    static func shell(_ script: String) throws -> Outcome {
        let running = try RunningSock(["-c", script], program: "/bin/bash")
        running.endInput()
        return try running.outcome()
    }
}

/// A running process of the program, or of a shell.
///
/// It is safe to share, because one test uses it, and its threads only use `state`.
final class RunningSock: @unchecked Sendable {
    struct Timeout: Error {}

    private static let starting = NSLock()

    private let process: pid_t
    /// The status of waitpid(2), which also releases the number of the process.
    private var status: Int32?
    private let input: Pipe
    private let state = Monitor(State())

    /// The output and the state of the process, which the threads of this object record.
    private struct State {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var openStreams = 2
        var hasExited = false
    }

    /// Leaves no process behind, not even if the test failed.
    deinit {
        guard status == nil else { return }
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }

    init(_ arguments: [String], program: String = SockProgram.path) throws {
        // A program that inherits the input of another program would prevent the end of that input.
        Self.starting.lock()
        defer { Self.starting.unlock() }
        input = Pipe()
        let (output, errors) = (Pipe(), Pipe())
        let ends = [
            input.fileHandleForReading, output.fileHandleForWriting, errors.fileHandleForWriting,
        ]
        for pipe in [input, output, errors] { Self.closeOnExec(pipe) }
        process = try Self.spawn(program, arguments, ends.map(\.fileDescriptor))
        // Now only the program holds these ends, so they close when it exits.
        for end in ends { try end.close() }
        collect(output) { $0.output += $1 }
        collect(errors) { $0.errors += $1 }
        Thread.detachNewThread { [process, state] in
            var information = siginfo_t()
            waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT)
            state.update { $0.hasExited = true }
        }
    }

    convenience init(_ arguments: String...) throws {
        try self.init(arguments)
    }

    private func collect(
        _ pipe: Pipe, _ append: @escaping @Sendable (inout State, [UInt8]) -> Void
    ) {
        let handle = pipe.fileHandleForReading
        Thread.detachNewThread { [state] in
            while case let data = handle.availableData, !data.isEmpty {
                state.update { append(&$0, Array(data)) }
            }
            state.update { $0.openStreams -= 1 }
        }
    }

    func write(_ text: String) {
        guard !text.isEmpty else { return }
        try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    }

    func endInput() {
        try? input.fileHandleForWriting.close()
    }

    /// Returns the number of threads of the process.
    func threadCount() throws -> Int? {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("Threads:") }
        return line?.split(separator: "\t").last.flatMap { Int($0) }
    }

    /// Waits until all threads of the process sleep in the kernel.
    func waitUntilBlocked() {
        let path = "/proc/\(process)/task"
        for thread in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
            sockTests.waitUntilBlocked("\(process)/task/\(thread)")
        }
    }

    func send(signal number: Int32) {
        kill(process, number)
    }

    /// Waits until standard error satisfies the condition.
    @discardableResult
    func waitForErrors(_ condition: (String) -> Bool) throws -> String {
        try wait { condition(String(decoding: $0.errors, as: UTF8.self)) }
        return state.update { String(decoding: $0.errors, as: UTF8.self) }
    }

    /// Waits until standard output begins with this text.
    func waitForOutput(_ beginning: String) throws {
        try waitForOutput { $0.hasPrefix(beginning) }
    }

    /// Waits until standard output satisfies the condition.
    func waitForOutput(where condition: (String) -> Bool) throws {
        try wait { condition(String(decoding: $0.output, as: UTF8.self)) }
    }

    private func wait(until condition: (State) -> Bool) throws {
        guard !state.wait(atMost: .seconds(20), until: condition) else { return }
        kill(process, SIGTERM)
        throw Timeout()
    }

    /// Returns the port in "Listening on 127.0.0.1:41234".
    func port() throws -> String {
        let errors = try waitForErrors { $0.contains("Listening on ") && $0.hasSuffix("\n") }
        let line = errors.split(separator: "\n").first { $0.contains("Listening on ") } ?? ""
        let address = line.split(separator: " ").dropFirst(2).first ?? ""
        return address.split(separator: ":").last.map(String.init) ?? ""
    }

    /// Waits for the end, and kills a process that takes more than 30 s.
    func outcome() throws -> SockProgram.Outcome {
        guard state.wait(atMost: .seconds(30), until: \.hasExited) else {
            kill(process, SIGKILL)
            throw Timeout()
        }
        state.wait(atMost: .seconds(5)) { $0.openStreams == 0 }
        var code = status ?? 0
        if status == nil { waitpid(process, &code, 0) }
        status = code
        let (signal, exitCode) = (code & 0x7F, code >> 8 & 0xFF)
        let (output, errors) = state.update { ($0.output, $0.errors) }
        return SockProgram.Outcome(
            status: signal == 0 ? exitCode : 128 + signal, isSignaled: signal != 0, output: output,
            errors: String(decoding: errors, as: UTF8.self))
    }
}

extension RunningSock {
    /// Starts a process, because Foundation's `Process` leaks.
    private static func spawn(
        _ program: String, _ arguments: [String], _ descriptors: [Int32]
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (wanted, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(wanted))
        }
        // The program must not inherit the blocked signals of the threads that run tests, nor the ignored
        // signals of a shell that runs the tests in the background.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var nothing = sigset_t()
        sigemptyset(&nothing)
        posix_spawnattr_setsigmask(&attributes, &nothing)
        var heeded = nothing
        for signal in [SIGINT, SIGQUIT, SIGHUP] { sigaddset(&heeded, signal) }
        posix_spawnattr_setsigdefault(&attributes, &heeded)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

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
