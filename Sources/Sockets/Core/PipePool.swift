internal import SystemPackage

/// A pipe for splice(2).
final class Pipe: Sendable {
    let reading: OwnedDescriptor
    let writing: OwnedDescriptor

    /// The capacity of a pipe in bytes.
    ///
    /// The default of 16 slots holds only 16 segments of a network, about 23 KB. The system limits
    /// the pages of all pipes of a user to 64 MiB, which is enough for 256 pipes of this capacity.
    private static let size = 256 << 10

    init() throws(Errno) {
        let (reading, writing) = try System.pipe()
        self.reading = OwnedDescriptor(reading)
        self.writing = OwnedDescriptor(writing)
        // A smaller pipe works too.
        try? System.setPipeSize(writing, Self.size)
    }
}

/// The pipes that joins borrow while they move bytes.
///
/// An idle join has no pipe. So a process needs as many pipes as joins move bytes at the same time,
/// and not two for each connection. When the last join ends, the unused pipes are closed.
enum PipePool {
    private struct Contents {
        var joins = 0
        var unused: [Pipe] = []
    }

    private static let contents = Lock(Contents())
    private static let mostUnused = 16

    /// Notes that a join begins, which may borrow pipes.
    static func beginJoin() { contents.withLock { $0.joins += 1 } }

    /// Notes that a join has ended, and closes the unused pipes if no join is left.
    static func endJoin() {
        contents.withLock { contents in
            contents.joins -= 1
            if contents.joins == 0 { contents.unused = [] }
        }
    }

    /// Returns an empty pipe.
    ///
    /// - Throws: The error of pipe(2), such as `EMFILE`.
    static func take() throws(Errno) -> Pipe {
        if let pipe = contents.withLock({ $0.unused.popLast() }) { return pipe }
        return try Pipe()
    }

    /// Returns an empty pipe to the pool.
    static func giveBack(_ pipe: Pipe) {
        contents.withLock { contents in
            guard contents.joins > 0, contents.unused.count < mostUnused else { return }
            contents.unused.append(pipe)
        }
    }
}
