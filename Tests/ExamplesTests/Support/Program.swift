import Foundation
import Glibc
import Testing

/// An example, or `sock`, that runs as a process of its own, as a user would start it.
///
/// Its output is read from a pseudo-terminal, so that each line can be read when it is printed: to a
/// pipe, the C library would hold lines back until there are many. Nothing here waits longer than
/// `patience`, and the process does not outlive the test.
final class Program {
    /// How long a program may be silent before the test gives up on it.
    static let patience: Duration = .seconds(30)

    private static let starting = NSLock()

    let name: String
    private let terminal: Int32
    private let process: pid_t
    private var ending: Int32?
    private var received: [UInt8] = []

    /// Starts the program `name` with its arguments and everything that it will read from its
    /// standard input, a few lines.
    convenience init(_ name: String, _ arguments: String..., input: String = "") throws {
        try self.init(name, arguments, input: input)
    }

    /// Starts the program `name`, as above.
    init(_ name: String, _ arguments: [String], input: String = "") throws {
        let executable = try Self.executable(named: name)
        // A program that inherited another's terminal would keep its output from ending.
        Self.starting.lock()
        defer { Self.starting.unlock() }
        let (terminal, screen) = try Self.openTerminal()
        // While we hold the program's end of the terminal too, its output would not end.
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

    /// The next line that the program prints, without its end.
    func line() throws -> String {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeSubrange(...end) }
                return String(decoding: received[..<end], as: UTF8.self)
            }
            guard try receive(before: deadline) else {
                throw Problem("\(name) has ended; its last words: \(received.asText)")
            }
        }
    }

    /// The rest of what the program prints, when it has ended by itself and with success.
    func remainingLines() throws -> [String] {
        let lines = try linesToTheEnd()
        guard status == 0 else {
            throw Problem("\(name) ended with \(String(describing: status)): \(lines)")
        }
        return lines
    }

    /// The rest of what the program prints, when it has ended by itself; `status` tells how.
    func linesToTheEnd() throws -> [String] {
        let deadline = ContinuousClock.now + Self.patience
        while try receive(before: deadline) {}
        // Its terminal is closed because it has ended, or is about to.
        let ending = waitForEnd()
        guard ending & 0x7F == 0 else {
            throw Problem("signal \(ending & 0x7F) ended \(name): \(received.asText)")
        }
        var lines = received.asText.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines.map(String.init)
    }

    /// The exit status of a program that has ended; nil before.
    var status: Int32? { ending.map { $0 >> 8 & 0xFF } }

    /// How the program has ended, as `waitpid` tells it.
    private func waitForEnd() -> Int32 {
        if let ending { return ending }
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        ending = status
        return status
    }

    /// Waits for more output; false at its end.
    private func receive(before deadline: ContinuousClock.Instant) throws -> Bool {
        let left = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
        var event = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
        switch poll(&event, 1, Int32(max(0, left.rounded(.up)))) {
        case 0:
            throw Problem("\(name) printed nothing for \(Self.patience): \(received.asText)")
        case -1 where errno != EINTR:
            throw Problem("poll: \(String(cString: strerror(errno)))")
        default:
            break
        }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(terminal, &bytes, bytes.count)
        // A terminal whose other side is closed reports EIO, where a pipe would report its end.
        guard count > 0 else { return count < 0 && errno == EINTR }
        received += bytes[..<count]
        return true
    }
}

/// What kept a test from seeing what it came for.
struct Problem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension Program {
    /// Where the build put the program: beside the tests, which are this very process.
    private static func executable(named name: String) throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let file = URL(fileURLWithPath: tests).deletingLastPathComponent()
            .appendingPathComponent(name)
        guard FileManager.default.isExecutableFile(atPath: file.path) else {
            throw Problem("\(file.path) was expected to be \(name), built before")
        }
        return file.path
    }

    /// Starts a process. Foundation's `Process` would do, if it did not leak.
    private static func spawn(
        _ executable: String, _ arguments: [String], input: Int32, output: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (descriptor, wanted) in [(input, 0), (output, 1), (output, 2)] {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(wanted))
        }
        // The output is a terminal, and what is compared has no colours.
        let environment = ProcessInfo.processInfo.environment.merging(["NO_COLOR": "1"]) { $1 }
        let words = ([executable] + arguments).map { strdup($0) }
        let variables = environment.map { strdup("\($0)=\($1)") }
        defer { (words + variables).forEach { free($0) } }
        var process: pid_t = 0
        let code = posix_spawn(
            &process, executable, &actions, nil, words + [nil], variables + [nil])
        guard code == 0 else { throw Problem("\(executable): \(String(cString: strerror(code)))") }
        return process
    }

    /// A pseudo-terminal that passes on what it is given, and the program's end of it.
    private static func openTerminal() throws -> (Int32, Int32) {
        var (terminal, screen): (Int32, Int32) = (-1, -1)
        var settings = termios()
        cfmakeraw(&settings)
        guard openpty(&terminal, &screen, nil, &settings, nil) == 0 else {
            throw Problem("no pseudo-terminal: \(String(cString: strerror(errno)))")
        }
        closeOnExec(terminal)
        closeOnExec(screen)
        return (terminal, screen)
    }

    /// A pipe that holds `text` and then ends. A few lines fit into it, so nobody waits here.
    private static func openInput(_ text: String) throws -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw Problem("no pipe: \(String(cString: strerror(errno)))")
        }
        defer { close(ends[1]) }
        ends.forEach(closeOnExec)
        let bytes = Array(text.utf8)
        guard bytes.isEmpty || write(ends[1], bytes, bytes.count) == bytes.count else {
            close(ends[0])
            throw Problem("\(bytes.count) bytes of input: expected a few lines")
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
