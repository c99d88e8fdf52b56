internal import CSockets
internal import Glibc
internal import SystemPackage

extension System {
    /// Errors of splice(2) after which the bytes must be copied instead.
    ///
    /// The kernel cannot splice every kind of socket, and a splice needs memory for its pages.
    static let spliceRefusals: [Errno] = [
        .invalidArgument, .illegalSeek, .noFunction, .notSupported, .noMemory,
    ]

    /// Creates a nonblocking pipe with close-on-exec: pipe(2).
    ///
    /// - Throws: `ENOSYS` if the sockets are simulated.
    static func pipe() throws(Errno) -> (reading: Int32, writing: Int32) {
        if Simulation.kernel != nil { throw .noFunction }
        var ends: [Int32] = [-1, -1]
        _ = try systemCall(.pipe) { csockets_pipe(&ends) }
        return (ends[0], ends[1])
    }

    /// Sets the capacity of a pipe in bytes: fcntl(2) with `F_SETPIPE_SZ`.
    ///
    /// - Throws: `EPERM` if the user's pipes would have more pages than the system allows
    ///   (pipe(7)).
    static func setPipeSize(_ descriptor: Int32, _ size: Int) throws(Errno) {
        _ = try systemCall(.fcntl) {
            Glibc.fcntl(descriptor, csockets_set_pipe_size, Int32(clamping: size))
        }
    }

    /// Moves bytes from a nonblocking socket into a pipe: splice(2).
    ///
    /// Returns 0 at the end of the stream. The count depends on the sizes of the segments, so a
    /// count below `most` does not mean that the socket is empty.
    static func splice(
        from socket: Int32, toPipe pipe: Int32, atMost most: Int
    ) throws(Errno) -> Int {
        try transferCall(.splice, most, onInterrupt: .report) { csockets_splice(socket, pipe, $0) }
    }

    /// Moves bytes from a pipe to a nonblocking socket: splice(2).
    ///
    /// - Parameters:
    ///   - pipe: The end of the pipe to read from.
    ///   - socket: The socket.
    ///   - count: The number of bytes in the pipe.
    ///   - isSignalBlocked: A Boolean value that indicates whether the thread already blocks
    ///     SIGPIPE. If it is `false`, the function blocks the signal.
    /// - Returns: The number of bytes that the socket has accepted.
    /// - Throws: The error of splice(2), such as `EPIPE`.
    static func splice(
        fromPipe pipe: Int32, to socket: Int32, count: Int, isSignalBlocked: Bool
    ) throws(Errno) -> Int {
        let block = isSignalBlocked ? nil : PipeSignalBlock()
        defer { block?.end() }
        return try transferCall(.splice, count, onInterrupt: .report) {
            csockets_splice(pipe, socket, $0)
        }
    }

    /// Reads bytes from a pipe: read(2).
    static func read(
        fromPipe pipe: Int32, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        try systemCall(.read) { Glibc.read(pipe, buffer.baseAddress, buffer.count) }
    }
}
