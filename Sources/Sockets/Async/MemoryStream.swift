internal import SystemPackage

/// One end of a pair of streams in memory, for testing a protocol without a socket.
///
/// ```swift
/// let (client, server) = try MemoryStream.pair()
/// async let reply = greet(client)
/// #expect(try await server.readLine() == "HELO localhost")
/// try await server.write("250 hello\r\n")
/// #expect(try await reply == "250 hello")
/// ```
///
/// The pair uses no descriptors. Bytes go from one end to the other through a bounded buffer, as
/// with a connection, so two ends that both write and never read wait for each other. Tasks on any
/// executor may use it.
///
/// After ``ByteStream/close()`` on one end, the other end reads the rest and then the end of the
/// stream, and its writes throw `brokenPipe`.
public final class MemoryStream: ByteStream, @unchecked Sendable {
    // Safe for the reasons of `ByteStream`; this class has only constants of its own.

    private let end: MemoryEnd

    private init(_ source: EventSource, _ end: MemoryEnd) {
        self.end = end
        super.init(source, end)
    }

    /// Creates two streams that are connected to each other.
    ///
    /// To test that messages may arrive in pieces, limit the size of each transfer:
    ///
    /// ```swift
    /// let (client, server) = try MemoryStream.pair(largestTransfer: 1)
    /// ```
    ///
    /// - Parameters:
    ///   - capacity: The number of bytes that each direction buffers, 64 KiB by default. Values
    ///     below 1 mean 1.
    ///   - largestTransfer: The largest number of bytes that one transfer moves to or from the
    ///     buffer. Values below 1 mean 1.
    ///   - group: The loop group. Only time limits and the wakeups of waiting tasks use its loops.
    /// - Returns: The two streams.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/system(_:)`` if the loops
    ///   cannot start.
    public static func pair(
        capacity: Int = 65536, largestTransfer: Int = .max, group: LoopGroup = .shared
    ) throws(SocketError) -> (MemoryStream, MemoryStream) {
        let (loop, otherLoop) = (group.next(), group.next())
        try loop.checkStarted()
        let one = EventSource(watchingOn: loop)
        let other = EventSource(watchingOn: otherLoop)
        let there = MemoryPipe(from: one, to: other, capacity, largestTransfer)
        let back = MemoryPipe(from: other, to: one, capacity, largestTransfer)
        return (
            MemoryStream(one, MemoryEnd(incoming: back, outgoing: there)),
            MemoryStream(other, MemoryEnd(incoming: there, outgoing: back))
        )
    }

    /// Resets both directions and closes the stream, so that the peer does not take the stream for
    /// complete; see ``Connection/abort()``.
    ///
    /// Waiting tasks and all later calls on this stream get ``SocketError/Cause/closed``. The peer
    /// can still read the bytes that were written. Afterwards its reads throw
    /// ``SocketError/Cause/system(_:)`` with `connectionReset`, and its writes do so at once. On a
    /// closed stream, the call does nothing.
    public func abort() {
        guard source.enter() else { return }
        defer { source.leave() }
        // Close the source first, because otherwise a task that waits at this end could get the
        // reset.
        source.close(isConnection: false)
        end.reset()
    }
}

/// One end of a pair of pipes.
private struct MemoryEnd: ByteDevice {
    let incoming: MemoryPipe
    let outgoing: MemoryPipe

    var name: String { "the memory stream" }
    var onlyDirection: ShutdownDirection? { nil }

    func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        try incoming.receive(into: buffer)
    }

    func send(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int { try outgoing.send(bytes) }

    func shutdown(_ direction: ShutdownDirection) {
        if direction != .write { incoming.end(.finished) }
        if direction != .read { outgoing.end(.finished) }
    }

    func close() { shutdown(.both) }

    func reset() {
        incoming.end(.reset)
        outgoing.end(.reset)
    }
}

/// A bounded buffer between a source that writes and a source that reads.
private final class MemoryPipe: Sendable {
    /// How a pipe ended.
    enum End {
        case finished, reset
    }

    private struct State {
        var bytes: [UInt8] = []
        var end: End?
    }

    private let state = Lock(State())
    private let writer: EventSource
    private let reader: EventSource
    private let capacity: Int
    private let largestTransfer: Int

    init(
        from writer: EventSource, to reader: EventSource, _ capacity: Int, _ largestTransfer: Int
    ) {
        self.writer = writer
        self.reader = reader
        self.capacity = max(1, capacity)
        self.largestTransfer = max(1, largestTransfer)
    }

    func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let count = try state.withLock { state throws(Errno) in
            if state.bytes.isEmpty {
                switch state.end {
                case .finished: return 0
                case .reset: throw .connectionReset
                case nil: throw .wouldBlock
                }
            }
            let count = min(buffer.count, state.bytes.count, largestTransfer)
            buffer.copyBytes(from: state.bytes[..<count])
            state.bytes.removeFirst(count)
            return count
        }
        ReadinessWord.publish()
        writer.writing.word.wake()
        return count
    }

    func send(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        let count = try state.withLock { state throws(Errno) in
            switch state.end {
            case .finished: throw .brokenPipe
            case .reset: throw .connectionReset
            case nil: break
            }
            let count = min(bytes.count, capacity - state.bytes.count, largestTransfer)
            guard count > 0 else { throw .wouldBlock }
            state.bytes.append(contentsOf: bytes[..<count])
            return count
        }
        ReadinessWord.publish()
        reader.reading.word.wake()
        return count
    }

    /// Ends the pipe, and wakes the tasks at both ends.
    ///
    /// The reader can still read the buffered bytes. The first end remains.
    func end(_ end: End) {
        state.withLock { $0.end = $0.end ?? end }
        ReadinessWord.publish()
        reader.reading.word.wake()
        writer.writing.word.wake()
    }
}
