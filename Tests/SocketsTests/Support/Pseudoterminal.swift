import Glibc
import SystemPackage

/// A pseudoterminal (pty(7)), whose terminal passes bytes on unchanged unless it is canonical.
struct Pseudoterminal {
    let master: FileDescriptor
    /// The terminal, which programs use.
    let terminal: FileDescriptor

    /// Creates a pseudoterminal.
    ///
    /// - Parameter isCanonical: Whether a read of the terminal returns one line.
    /// - Throws: The error of openpty(3).
    init(isCanonical: Bool = false) throws {
        var (controller, terminal): (Int32, Int32) = (-1, -1)
        guard openpty(&controller, &terminal, nil, nil, nil) == 0 else {
            throw Errno(rawValue: errno)
        }
        for descriptor in [controller, terminal] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        master = FileDescriptor(rawValue: controller)
        self.terminal = FileDescriptor(rawValue: terminal)
        var settings = termios()
        tcgetattr(terminal, &settings)
        cfmakeraw(&settings)
        if isCanonical { settings.c_lflag |= tcflag_t(ICANON) }
        tcsetattr(terminal, TCSANOW, &settings)
    }
}

extension FileDescriptor {
    /// A Boolean value that indicates whether calls on the descriptor wait.
    var isBlocking: Bool { fcntl(rawValue, F_GETFL) & O_NONBLOCK == 0 }

    /// Writes a text in one call.
    func write(_ text: String) throws {
        var text = text
        _ = try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
    }

    /// Reads once.
    func text(atMost count: Int = 4096) throws -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = try bytes.withUnsafeMutableBytes { try read(into: $0) }
        return String(decoding: bytes[..<received], as: UTF8.self)
    }
}
