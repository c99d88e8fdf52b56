internal import Synchronization
internal import SystemPackage

/// An async stream of bytes that is not a socket: ``DescriptorStream`` or ``MemoryStream``.
///
/// It follows the rules of ``Connection``. One task may read while other tasks write. Writes of
/// several tasks queue, and each write stays whole. A second reader gets
/// ``SocketError/Cause/busy``. Bytes that were received but not yet consumed belong to the stream.
/// Neither a cancellation nor a timeout loses bytes or affects later operations.
///
/// ``ByteReader`` and ``ByteWriter`` add lines, frames, integers and more. A stream is closed by
/// ``close()`` or when its last reference is released.
public class ByteStream: ByteReader, ByteWriter, @unchecked Sendable {
    // Safe because only the reading task uses `input`, `scanner` and `isAtEnd`, and only the
    // writing task uses `isIncomplete`. At most one task reads and at most one task writes at a
    // time.

    final let source: EventSource
    final let device: any ByteDevice
    // The bytes that were received but not yet consumed.
    @exclusivity(unchecked) final var input = ByteBuffer(capacity: 65536)
    @exclusivity(unchecked) final var scanner = LineScanner(limit: 65536)
    /// A Boolean value that indicates whether the end of the stream was received.
    @exclusivity(unchecked) final var isAtEnd = false
    /// A Boolean value that indicates whether a write ended part-way, so another write would
    /// continue in the middle of a message.
    @exclusivity(unchecked) final var isIncomplete = false
    private let readLimit = Atomic(TimeLimit.never.packed)
    private let writeLimit = Atomic(TimeLimit.never.packed)
    private let longestLine = Atomic(65536)

    /// Creates a stream.
    ///
    /// - Parameters:
    ///   - source: The source whose readiness follows the device. The stream closes it.
    ///   - device: The device, which the stream closes.
    init(_ source: EventSource, _ device: any ByteDevice) {
        self.source = source
        self.device = device
    }

    deinit { close() }

    /// Closes the stream.
    ///
    /// Waiting tasks and all later calls get ``SocketError/Cause/closed``. The call never waits.
    /// The peer can still read the bytes that were written. A second call does nothing.
    public func close() {
        guard source.enter() else { return }
        source.close(isConnection: false)
        device.close()
        source.leave()
    }

    /// A Boolean value that indicates whether ``close()`` has been called.
    public var isClosed: Bool { source.lifetime.isClosed }

    /// Shuts down one or both directions of the stream.
    ///
    /// After ``ShutdownDirection/write``, the peer reads the end of the stream and can still reply.
    /// A pipe has one direction, so shutting that direction down closes the stream.
    ///
    /// - Parameter direction: The direction.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `notSocket` if the descriptor is not a socket and
    ///     has both directions, such as that of a terminal, or lacks this direction.
    ///   - ``SocketError/Cause/closed`` if the stream was closed on this side.
    public func shutdown(_ direction: ShutdownDirection) throws(SocketError) {
        guard source.enter() else { throw failure(.shutdown, .closed) }
        defer { source.leave() }
        if let only = device.onlyDirection, direction == only || direction == .both {
            return close()
        }
        do throws(Errno) {
            try device.shutdown(direction)
        } catch {
            throw failure(.shutdown, .system(error))
        }
    }

    /// The time limit for reads without their own `timeout:`, ``TimeLimit/never`` by default.
    public var readTimeout: TimeLimit {
        get { TimeLimit(packed: readLimit.load(ordering: .relaxed)) }
        set { readLimit.store(newValue.packed, ordering: .relaxed) }
    }

    /// The time limit for writes without their own `timeout:`, ``TimeLimit/never`` by default.
    public var writeTimeout: TimeLimit {
        get { TimeLimit(packed: writeLimit.load(ordering: .relaxed)) }
        set { writeLimit.store(newValue.packed, ordering: .relaxed) }
    }

    /// The maximum length of a line in bytes without its line ending, 65,536 by default; see
    /// ``Connection/lineLimit``.
    public var lineLimit: Int {
        get { longestLine.load(ordering: .relaxed) }
        set { longestLine.store(LineScanner.clamped(newValue), ordering: .relaxed) }
    }

    /// Returns the error of a failed operation.
    ///
    /// This method is not inlined, because otherwise the frame of every waiting task would reserve
    /// space for the error.
    @inline(never)
    func failure(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, bytesTransferred: Int = 0,
        partialBytes: [UInt8] = []
    ) -> SocketError {
        SocketError(
            operation, cause, subject: device.name, bytesTransferred: bytesTransferred,
            partialBytes: partialBytes)
    }
}

/// The place that a ``ByteStream`` reads from and writes to, without waiting.
protocol ByteDevice: Sendable {
    /// The name of the stream in errors.
    var name: String { get }

    /// The direction that the device has, or `nil` if it has both.
    var onlyDirection: ShutdownDirection? { get }

    /// Moves received bytes to the beginning of a buffer, and returns their number.
    ///
    /// Returns 0 at the end of the stream. Throws `EAGAIN` if no bytes have arrived.
    func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int

    /// Sends bytes, and returns the number that the device accepted.
    ///
    /// Throws `EAGAIN` if the device accepts none now.
    func send(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int

    /// Ends one or both directions.
    func shutdown(_ direction: ShutdownDirection) throws(Errno)

    /// Ends both directions, and gives up what the device owns.
    func close()
}
