internal import Synchronization
internal import SystemPackage

/// A pipe for splice(2).
final class Pipe: Sendable {
    let reading: OwnedDescriptor
    let writing: OwnedDescriptor

    /// The capacity of a pipe in bytes.
    ///
    /// The default of 16 slots holds only 16 network segments, about 23 KB. The system limits the
    /// pages of all pipes of a user to 64 MiB, which is enough for 256 pipes of this capacity.
    private static let size = 256 << 10

    /// The number of pipes of this process.
    private static let open = Atomic(0)
    /// The maximum number of pipes.
    ///
    /// A direction whose destination does not read keeps its pipe. Without a maximum, peers that do
    /// not read could use up the descriptors, so that the program could not accept other clients.
    static let most = 256

    /// Creates a pipe.
    ///
    /// - Throws: The error of pipe(2), or `EMFILE` if there are already `most` pipes.
    init() throws(Errno) {
        guard Pipe.open.add(1, ordering: .relaxed).newValue <= Pipe.most else {
            Pipe.open.subtract(1, ordering: .relaxed)
            throw .tooManyOpenFiles
        }
        let ends: (reading: Int32, writing: Int32)
        do throws(Errno) {
            ends = try System.pipe()
        } catch {
            Pipe.open.subtract(1, ordering: .relaxed)
            throw error
        }
        reading = OwnedDescriptor(ends.reading)
        writing = OwnedDescriptor(ends.writing)
        // A smaller pipe works too.
        try? System.setPipeSize(ends.writing, Pipe.size)
    }

    deinit { Pipe.open.subtract(1, ordering: .relaxed) }
}

/// The pipes that joins borrow while they move bytes.
///
/// An idle join has no pipe. So a process needs only one pipe for each direction in which bytes
/// move at the moment. A join that gets no pipe copies the bytes. When the last join ends, the
/// unused pipes are closed.
enum PipePool {
    private struct Contents {
        var joins = 0
        var unused: [Pipe] = []
    }

    private static let contents = Lock(Contents())
    private static let mostUnused = 16

    /// Notes the start of a join, which may borrow pipes.
    static func beginJoin() { contents.withLock { $0.joins += 1 } }

    /// Notes that a join has ended, and closes the unused pipes if no join is left.
    static func endJoin() {
        // Close the pipes after the lock is released.
        _ = contents.withLock { contents -> [Pipe] in
            contents.joins -= 1
            guard contents.joins == 0 else { return [] }
            defer { contents.unused = [] }
            return contents.unused
        }
    }

    /// Takes an empty pipe from the pool, or creates one.
    ///
    /// - Throws: The error of pipe(2), or `EMFILE` if there are already ``Pipe/most`` pipes.
    static func take() throws(Errno) -> Pipe {
        if let pipe = contents.withLock({ $0.unused.popLast() }) { return pipe }
        return try Pipe()
    }

    /// Puts an empty pipe back into the pool, or closes it if the pool does not need it.
    static func giveBack(_ pipe: Pipe) {
        contents.withLock { contents in
            guard contents.joins > 0, contents.unused.count < mostUnused else { return }
            contents.unused.append(pipe)
        }
    }
}
