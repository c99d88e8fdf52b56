import Glibc
import Sockets

/// Standard input, output and error: the three descriptors that the program was born with.
enum StandardStreams {
    static let input = StandardStream(.standardInput)
    static let output = StandardStream(.standardOutput)
    static let error = StandardStream(.standardError)

    /// Fills a standard descriptor that the parent has closed, or the first socket would take its
    /// number and the peer's bytes would be taken for our input.
    static func fillGaps() {
        for descriptor in 0...2 where fcntl(Int32(descriptor), F_GETFD) == -1 {
            // Read-only: writing to a closed standard output has to fail, as it does for cat.
            _ = open("/dev/null", O_RDONLY)
        }
    }
}

/// One of the three, read and written with plain calls: no buffer keeps bytes back.
struct StandardStream: Sendable {
    let descriptor: FileDescriptor

    init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

    /// isatty(3)
    var isTerminal: Bool { isatty(descriptor.rawValue) == 1 }

    /// How many columns a terminal has; 80 where that is not known. ioctl(2) with `TIOCGWINSZ`
    var width: Int {
        var size = winsize()
        let hasSize = ioctl(descriptor.rawValue, UInt(TIOCGWINSZ), &size) == 0
        return hasSize && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    /// Reads what is there, or waits for something; 0 is the end of the input. read(2)
    func read(into buffer: inout [UInt8]) throws(Errno) -> Int {
        while true {
            let count = buffer.withUnsafeMutableBytes {
                Glibc.read(descriptor.rawValue, $0.baseAddress, $0.count)
            }
            if count >= 0 { return count }
            try waitOrThrow(Errno(rawValue: errno), for: POLLIN)
        }
    }

    /// Writes all of it. write(2)
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

    /// Says something that nobody has to hear: a failure is not worth another message.
    func tell(_ text: String) {
        try? write(Array(text.utf8)[...])
    }

    /// Ends the stream, so that the next program of a pipe sees its end while this one goes on.
    ///
    /// The number stays taken, by a stream that cannot be written.
    func end() {
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard nothing >= 0 else { return }
        dup2(nothing, descriptor.rawValue)
        close(nothing)
    }

    /// A terminal or pipe that somebody else has set not to wait is waited for here.
    private func waitOrThrow(_ code: Errno, for event: Int32) throws(Errno) {
        switch code {
        case .interrupted:
            return
        case .wouldBlock, .resourceTemporarilyUnavailable:
            var request = pollfd(fd: descriptor.rawValue, events: Int16(event), revents: 0)
            _ = poll(&request, 1, -1)
        default:
            throw code
        }
    }
}
