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
    private let process = Process()
    private let ended = DispatchSemaphore(value: 0)
    private let terminal: Int32
    private var received: [UInt8] = []

    /// Starts the program `name` with its arguments and everything that it will read from its
    /// standard input, a few lines.
    convenience init(_ name: String, _ arguments: String..., input: String = "") throws {
        try self.init(name, arguments, input: input)
    }

    /// Starts the program `name`, as above.
    init(_ name: String, _ arguments: [String], input text: String = "") throws {
        self.name = name
        // A program that inherited another's terminal or input would keep them from ending.
        Self.starting.lock()
        defer { Self.starting.unlock() }
        let (terminal, screen) = try Self.openTerminal()
        self.terminal = terminal
        let input = Pipe()
        Self.closeOnExec(input.fileHandleForReading.fileDescriptor)
        Self.closeOnExec(input.fileHandleForWriting.fileDescriptor)

        // All of it fits into the pipe; writing after the program has ended would raise SIGPIPE.
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try input.fileHandleForWriting.close()

        process.executableURL = try Self.executable(named: name)
        process.arguments = arguments
        // The output is a terminal, and what is compared has no colours.
        process.environment = ProcessInfo.processInfo.environment.merging(["NO_COLOR": "1"]) { $1 }
        process.standardInput = input.fileHandleForReading
        process.standardOutput = screen
        process.standardError = screen
        process.terminationHandler = { [ended] _ in ended.signal() }
        try process.run()
        // While we hold the program's end of the terminal too, its output would not end.
        try screen.close()
    }

    deinit {
        if process.isRunning { process.terminate() }
        Glibc.close(terminal)
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
            throw Problem("\(name) ended with status \(status): \(lines)")
        }
        return lines
    }

    /// The rest of what the program prints, when it has ended by itself; `status` tells how.
    func linesToTheEnd() throws -> [String] {
        let deadline = ContinuousClock.now + Self.patience
        while try receive(before: deadline) {}
        guard ended.wait(timeout: .now() + 30) == .success else {
            throw Problem("\(name) has closed its output and goes on running")
        }
        guard process.terminationReason == .exit else {
            throw Problem("signal \(status) ended \(name): \(received.asText)")
        }
        var lines = received.asText.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines.map(String.init)
    }

    /// The exit status of a program that has ended.
    var status: Int32 { process.terminationStatus }

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
    private static func executable(named name: String) throws -> URL {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let file = URL(fileURLWithPath: tests).deletingLastPathComponent()
            .appendingPathComponent(name)
        guard FileManager.default.isExecutableFile(atPath: file.path) else {
            throw Problem("\(file.path) was expected to be \(name), built before")
        }
        return file
    }

    /// A pseudo-terminal that passes on what it is given, and the program's end of it.
    private static func openTerminal() throws -> (Int32, FileHandle) {
        var (terminal, screen): (Int32, Int32) = (-1, -1)
        var settings = termios()
        cfmakeraw(&settings)
        guard openpty(&terminal, &screen, nil, &settings, nil) == 0 else {
            throw Problem("no pseudo-terminal: \(String(cString: strerror(errno)))")
        }
        closeOnExec(terminal)
        closeOnExec(screen)
        return (terminal, FileHandle(fileDescriptor: screen, closeOnDealloc: true))
    }

    private static func closeOnExec(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
}

extension [UInt8] {
    fileprivate var asText: String { String(decoding: self, as: UTF8.self) }
}
