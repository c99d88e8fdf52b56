import Foundation
import Glibc
import Testing

/// A child process that runs an example program or `sock`.
///
/// The output is read from a pseudo-terminal, because the C library buffers output to a pipe. No
/// call waits longer than `outputTimeout`, and the process does not outlive the test.
final class Program {
    /// The longest time that a program may print nothing.
    static let outputTimeout: Duration = .seconds(30)

    private static let starting = NSLock()

    let name: String
    private let terminal: Int32
    private let process: pid_t
    private var ending: Int32?
    private var received: [UInt8] = []

    /// Starts the program `name` with its arguments and a few lines of standard input.
    convenience init(_ name: String, _ arguments: String..., input: String = "") throws {
        try self.init(name, arguments, input: input)
    }

    /// Starts the program `name` with an array of arguments.
    init(_ name: String, _ arguments: [String], input: String = "") throws {
        let executable = try Self.executable(named: name)
        // A child that inherited the terminal of another child would delay the end of its output.
        Self.starting.lock()
        defer { Self.starting.unlock() }
        let (terminal, screen) = try Self.openTerminal()
        // The output ends only after this process has closed the child's side of the terminal.
        defer { close(screen) }
        let keyboard = try Self.openInput(input)
        defer { close(keyboard) }
        do {
            process = try Self.spawn(executable, arguments, input: keyboard, output: screen)
        } catch {
            close(terminal)
            throw error
        }
        self.terminal = terminal
        self.name = name
    }

    deinit {
        if ending == nil {
            kill(process, SIGKILL)
            _ = waitForEnd()
        }
        close(terminal)
    }

    /// Returns the next line of output without its line feed.
    func line() throws -> String {
        let deadline = ContinuousClock.now + Self.outputTimeout
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeSubrange(...end) }
                return String(decoding: received[..<end], as: UTF8.self)
            }
            guard try receive(before: deadline) else {
                throw ProgramFailure(
                    "\(name) ended unexpectedly after printing: \(received.asText)")
            }
        }
    }

    /// Waits until the program exits with 0, and returns the rest of its output.
    func remainingLines() throws -> [String] {
        let lines = try linesToTheEnd()
        guard status == 0 else {
            throw ProgramFailure("\(name) ended with \(String(describing: status)): \(lines)")
        }
        return lines
    }

    /// Waits until the program exits, and returns the rest of its output.
    ///
    /// Sets `status`.
    func linesToTheEnd() throws -> [String] {
        let deadline = ContinuousClock.now + Self.outputTimeout
        while try receive(before: deadline) {}
        // The program closed its terminal because it exited or is about to exit.
        let ending = waitForEnd()
        guard ending & 0x7F == 0 else {
            throw ProgramFailure("signal \(ending & 0x7F) ended \(name): \(received.asText)")
        }
        var lines = received.asText.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines.map(String.init)
    }

    /// The exit status, or nil while the program runs.
    var status: Int32? { ending.map { $0 >> 8 & 0xFF } }

    /// Waits until the program exits, and returns its status in the format of `waitpid`.
    private func waitForEnd() -> Int32 {
        if let ending { return ending }
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        ending = status
        return status
    }

    /// Waits for more output, and returns false at its end.
    private func receive(before deadline: ContinuousClock.Instant) throws -> Bool {
        let left = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
        var event = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
        switch poll(&event, 1, Int32(max(0, left.rounded(.up)))) {
        case 0:
            throw ProgramFailure(
                "\(name) printed nothing for \(Self.outputTimeout): \(received.asText)")
        case -1 where errno != EINTR:
            throw ProgramFailure("poll: \(String(cString: strerror(errno)))")
        default:
            break
        }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(terminal, &bytes, bytes.count)
        // A terminal whose other side is closed reports EIO, and a pipe would report end of file.
        guard count > 0 else { return count < 0 && errno == EINTR }
        received += bytes[..<count]
        return true
    }
}

/// The reason why a program did not run as the test expects.
struct ProgramFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension Program {
    /// Returns the path of a program, which the build puts beside the test runner.
    private static func executable(named name: String) throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let file = URL(fileURLWithPath: tests).deletingLastPathComponent()
            .appendingPathComponent(name)
        guard FileManager.default.isExecutableFile(atPath: file.path) else {
            throw ProgramFailure("\(file.path) is missing: build \(name) first")
        }
        return file.path
    }

    /// Starts a process, but not with Foundation's `Process`, because that leaks.
    private static func spawn(
        _ executable: String, _ arguments: [String], input: Int32, output: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, wanted) in [(input, 0), (output, 1), (output, 2)] {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(wanted))
        }
        // The output is a terminal, and the tests compare text without colours.
        let environment = ProcessInfo.processInfo.environment.merging(["NO_COLOR": "1"]) { $1 }
        let words = ([executable] + arguments).map { strdup($0) }
        let variables = environment.map { strdup("\($0)=\($1)") }
        defer { (words + variables).forEach { free($0) } }
        var process: pid_t = 0
        let code = posix_spawn(
            &process, executable, &actions, nil, words + [nil], variables + [nil])
        guard code == 0 else {
            throw ProgramFailure("\(executable): \(String(cString: strerror(code)))")
        }
        return process
    }

    /// Opens a raw pseudo-terminal, and returns the side of the test and the side of the program.
    private static func openTerminal() throws -> (Int32, Int32) {
        var (terminal, screen): (Int32, Int32) = (-1, -1)
        var settings = termios()
        cfmakeraw(&settings)
        guard openpty(&terminal, &screen, nil, &settings, nil) == 0 else {
            throw ProgramFailure(
                "cannot open a pseudo-terminal: \(String(cString: strerror(errno)))")
        }
        closeOnExec(terminal)
        closeOnExec(screen)
        return (terminal, screen)
    }

    /// Returns a pipe that contains `text` and then ends.
    ///
    /// A few lines fit into a pipe, so the write never waits.
    private static func openInput(_ text: String) throws -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw ProgramFailure("cannot create a pipe: \(String(cString: strerror(errno)))")
        }
        defer { close(ends[1]) }
        ends.forEach(closeOnExec)
        let bytes = Array(text.utf8)
        guard bytes.isEmpty || write(ends[1], bytes, bytes.count) == bytes.count else {
            close(ends[0])
            throw ProgramFailure("\(bytes.count) bytes of input do not fit into a pipe")
        }
        return ends[0]
    }

    private static func closeOnExec(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
}

extension [UInt8] {
    fileprivate var asText: String { String(decoding: self, as: UTF8.self) }
}
