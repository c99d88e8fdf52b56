internal import CSockets
internal import Glibc
internal import SystemPackage

// Descriptors of streams that need not be sockets: pipes, terminals, devices.
//
// A descriptor may be open in one direction only, and the other call then fails with `EBADF`, so
// this error does not stop the program.
extension System {
    /// Reads from a nonblocking descriptor: read(2).
    ///
    /// Returns 0 at the end of the stream.
    static func read(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        try transferCall(.read, buffer.count, onInterrupt: .report, fromUser: true) {
            Glibc.read(descriptor, buffer.baseAddress, $0)
        }
    }

    /// Writes to a nonblocking descriptor, and returns the number of accepted bytes: write(2).
    ///
    /// If a pipe has no reader, the call throws `EPIPE` and raises no signal.
    static func write(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer
    ) throws(Errno) -> Int {
        let block = PipeSignalBlock()
        defer { block.end() }
        return try transferCall(.write, bytes.count, onInterrupt: .report, fromUser: true) {
            Glibc.write(descriptor, bytes.baseAddress, $0)
        }
    }

    /// Returns the only direction in which a user's descriptor is open, or `nil` if it is open in
    /// both: fcntl(2) with `F_GETFL`.
    ///
    /// - Throws: `EBADF` if the descriptor is not open or was opened with `O_PATH`. Such a descriptor
    ///   only names a file, and all calls that read, write or wait reject it.
    static func onlyDirection(of descriptor: Int32) throws(Errno) -> ShutdownDirection? {
        let flags = try systemCall(.fcntl, fromUser: true) { Glibc.fcntl(descriptor, F_GETFL) }
        guard flags & __O_PATH == 0 else { throw .badFileDescriptor }
        return switch flags & O_ACCMODE {
        case O_RDONLY: .read
        case O_WRONLY: .write
        default: nil
        }
    }

    /// Opens the terminal of a user's descriptor once more, in nonblocking mode: open(2).
    ///
    /// The new descriptor has a blocking mode of its own, so other programs on the terminal keep
    /// theirs. Returns `nil` if the descriptor is not a terminal, or if the terminal cannot be
    /// opened, for example because it belongs to another user since su(1). Also returns `nil` for
    /// the master of a pseudoterminal, because opening its file would create another
    /// pseudoterminal.
    static func reopenTerminal(
        _ descriptor: Int32, _ onlyDirection: ShutdownDirection?
    ) -> Int32? {
        guard csockets_is_reopenable_terminal(descriptor) != 0 else { return nil }
        let access =
            switch onlyDirection {
            case .read: O_RDONLY
            case .write: O_WRONLY
            default: O_RDWR
            }
        return try? systemCall(.open) {
            Glibc.open(
                "/proc/self/fd/\(descriptor)", access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        }
    }
}
