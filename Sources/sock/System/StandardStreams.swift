import Glibc
import Sockets

/// Standard input, output and error.
enum StandardStreams {
    static let input = StandardStream(.standardInput)
    static let output = StandardStream(.standardOutput)
    static let error = StandardStream(.standardError)

    /// Opens standard descriptors that the parent has closed.
    ///
    /// Otherwise the first socket would get the number of standard input, and the peer's bytes
    /// would be read as input.
    ///
    /// - Throws: `Failure` if no descriptor can be opened.
    static func fillGaps() throws(Failure) {
        for descriptor in 0...2 where fcntl(Int32(descriptor), F_GETFD) == -1 {
            guard openUnusable(flags: 0) >= 0 else {
                throw Failure(
                    .otherFailure,
                    "cannot replace the closed descriptor \(descriptor):"
                        + " \(Errno(rawValue: errno).description.withLowercasedFirst)")
            }
        }
    }

    /// Opens a descriptor that can be neither read nor written, like a closed one. open(2)
    ///
    /// It refers to the root directory, which also exists in a chroot without `/dev`, and `O_PATH`
    /// needs no permission for it.
    fileprivate static func openUnusable(flags: Int32) -> Int32 {
        open("/", __O_PATH | flags)
    }
}

/// A standard stream without a buffer, so that no bytes are held back.
struct StandardStream: Sendable {
    let descriptor: FileDescriptor

    /// A Boolean value that indicates whether the stream was a terminal when it was first used.
    /// isatty(3)
    let isTerminal: Bool

    init(_ descriptor: FileDescriptor) {
        self.descriptor = descriptor
        isTerminal = isatty(descriptor.rawValue) == 1
    }

    /// A Boolean value that indicates whether to write colours: on a terminal, unless `NO_COLOR` is
    /// set (no-color.org).
    var hasColor: Bool { isTerminal && Environment["NO_COLOR"] == nil }

    /// The number of columns of the terminal, or else the value of `COLUMNS`, or else 80. ioctl(2)
    /// with `TIOCGWINSZ`
    var width: Int {
        var size = winsize()
        if ioctl(descriptor.rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
            return Int(size.ws_col)
        }
        let columns = Environment["COLUMNS"].flatMap {
            Decimal.value(of: $0.utf8, maximum: 10_000)
        }
        return columns.map(Int.init).flatMap { $0 > 0 ? $0 : nil } ?? 80
    }

    /// Waits for input, reads what is available, and returns the number of bytes, or 0 at the end
    /// of input. read(2)
    ///
    /// If the program is in the background of a terminal, the call waits until the program is in
    /// the foreground. After the terminal has hung up, the call waits for ever.
    func read(into buffer: inout [UInt8]) throws(Errno) -> Int {
        while true {
            let count = isTerminal ? readTerminal(into: &buffer) : readOnce(into: &buffer)
            // A terminal that has hung up reports an end of input that the user did not request, so
            // do not return it.
            if count == 0, isTerminal, hasHungUp { while true { pause() } }
            if count >= 0 { return count }
            try waitOrThrow(Errno(rawValue: errno), for: POLLIN)
        }
    }

    /// A Boolean value that indicates whether the other end of the terminal is closed. poll(2)
    private var hasHungUp: Bool {
        var request = pollfd(fd: descriptor.rawValue, events: 0, revents: 0)
        return poll(&request, 1, 0) > 0 && request.revents & Int16(POLLHUP) != 0
    }

    private func readOnce(into buffer: inout [UInt8]) -> Int {
        buffer.withUnsafeMutableBytes {
            Glibc.read(descriptor.rawValue, $0.baseAddress, $0.count)
        }
    }

    /// Reads with SIGTTIN blocked, because that signal would stop a program that reads in the
    /// background.
    private func readTerminal(into buffer: inout [UInt8]) -> Int {
        var (set, previous) = (sigset_t(), sigset_t())
        sigemptyset(&set)
        sigaddset(&set, SIGTTIN)
        pthread_sigmask(SIG_BLOCK, &set, &previous)
        let count = readOnce(into: &buffer)
        let code = errno
        pthread_sigmask(SIG_SETMASK, &previous, nil)
        errno = code
        return count
    }

    /// Writes all bytes. write(2)
    func write(_ bytes: ArraySlice<UInt8>) throws(Errno) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.write(descriptor.rawValue, $0.baseAddress, $0.count)
            }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else {
                try waitOrThrow(Errno(rawValue: errno), for: POLLOUT)
            }
        }
    }

    /// Writes a message, and ignores errors because they could not be reported anywhere else.
    func writeIgnoringErrors(_ text: String) {
        try? write(Array(text.utf8)[...])
    }

    /// Writes a message of at most one page, which fits into a pipe that is not full.
    ///
    /// The message is dropped if the stream is not writable within 1 s, because the program must be
    /// able to end while its terminal is stopped.
    func writeMessage(_ text: String) {
        var request = pollfd(fd: descriptor.rawValue, events: Int16(POLLOUT), revents: 0)
        guard poll(&request, 1, 1000) != 0 else { return }
        writeIgnoringErrors(text)
    }

    /// Closes the stream, so that a program that reads it from a pipe receives the end of input
    /// although this program continues.
    ///
    /// The descriptor then refers to a file that cannot be written, so that its number is not
    /// reused.
    func end() {
        let unusable = StandardStreams.openUnusable(flags: O_CLOEXEC)
        guard unusable >= 0 else { return }
        dup2(unusable, descriptor.rawValue)
        close(unusable)
    }

    /// Waits for readiness if the call would block, and throws any error except an interruption.
    ///
    /// The descriptor is non-blocking if another program has made the shared terminal or pipe so.
    private func waitOrThrow(_ code: Errno, for event: Int32) throws(Errno) {
        switch code {
        case .interrupted:
            return
        case .ioError where isTerminal && event == POLLIN:
            // The program is in the background, or the terminal has hung up. No event reports that
            // the program is in the foreground again, so try again later.
            Worker.sleep(for: .milliseconds(200))
        case .brokenPipe:
            Signals.endAfterBrokenPipe()
            throw code
        case .wouldBlock, .resourceTemporarilyUnavailable:
            var request = pollfd(fd: descriptor.rawValue, events: Int16(event), revents: 0)
            _ = poll(&request, 1, -1)
        default:
            throw code
        }
    }
}
