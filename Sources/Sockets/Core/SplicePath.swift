internal import SystemPackage

/// A path through a pipe, by which the kernel moves bytes from one socket to another without
/// copying them: splice(2).
///
/// The path borrows a pipe for the first bytes. It gives the empty pipe back when no more bytes
/// arrive, or when the caller does not need the pipe.
struct SplicePath: ~Copyable {
    private var pipe: Pipe?
    /// The number of bytes in the pipe.
    private(set) var count = 0

    init() {}

    deinit {
        if let pipe, count == 0 { PipePool.giveBack(pipe) }
    }

    /// Moves received bytes from a socket into the empty pipe, and returns their number.
    ///
    /// Returns 0 at the end of the stream. If no bytes moved, the path has no pipe after the call.
    mutating func fill(from socket: Int32) throws(Errno) -> Int {
        let pipe: Pipe
        if let borrowed = self.pipe { pipe = borrowed } else { pipe = try PipePool.take() }
        self.pipe = pipe
        do throws(Errno) {
            count = try System.splice(
                from: socket, toPipe: pipe.writing.number, atMost: System.mostAtOnce)
        } catch {
            giveBack()
            throw error
        }
        if count == 0 { giveBack() }
        return count
    }

    /// Moves bytes from the pipe to a socket, and returns their number.
    ///
    /// `isSignalBlocked` tells whether the thread blocks SIGPIPE.
    mutating func drain(to socket: Int32, isSignalBlocked: Bool) throws(Errno) -> Int {
        guard let pipe else { return 0 }
        let moved = try System.splice(
            fromPipe: pipe.reading.number, to: socket, count: count,
            isSignalBlocked: isSignalBlocked)
        count -= moved
        return moved
    }

    /// Moves the bytes from the pipe to the end of a buffer.
    ///
    /// Returns the number of bytes that were lost because the pipe could not be read. The number is
    /// 0 unless the kernel ran out of memory.
    mutating func reclaim(into buffer: inout ByteBuffer) -> Int {
        guard let pipe else { return 0 }
        while count > 0 {
            let room = buffer.room(atLeast: count)
            guard let moved = try? System.read(fromPipe: pipe.reading.number, room), moved > 0
            else { break }
            buffer.written(moved)
            count -= moved
        }
        let lost = count
        if lost == 0 { giveBack() }
        // A pipe that still contains bytes is closed.
        (self.pipe, count) = (nil, 0)
        return lost
    }

    /// Gives the pipe, which must be empty, back to the pool.
    mutating func giveBack() {
        if let pipe { PipePool.giveBack(pipe) }
        pipe = nil
    }
}
