internal import Synchronization
internal import SystemPackage

/// An async connection: a connected stream of bytes over TCP or a Unix socket.
///
/// Waiting suspends the task without blocking a thread.
///
/// ```swift
/// let connection = try await Connection(to: .tcp("localhost", port: "daytime"))
/// for try await line in connection.lines { print(line) }
/// ```
///
/// One task may read while another task writes. A second reader or a second writer gets
/// ``SocketError/Cause/busy``. Bytes that were received and not yet consumed belong to the
/// connection, so a program can leave a loop over ``lines``, call `read`, and lose nothing.
///
/// Cancelling a task ends its wait at once with ``SocketError/Cause/cancelled``. No byte is lost,
/// and the next read continues. A peer that sends without end cannot keep a cancelled task alive,
/// because one of its next reads fails too. Neither a cancellation nor a timeout affects later
/// operations.
///
/// A connection closes at ``close()`` or when its last reference goes away.
public final class Connection: @unchecked Sendable {
    // Safe: only the task in the reading direction uses `input`, `scanner` and `isAtEnd`, and only
    // the task in the writing direction uses `isIncomplete`. Each direction has one task at a time.

    /// The local address at the time of connecting.
    public let localAddress: SocketAddress

    /// The address of the peer, or ``SocketAddress/unnamed`` for a Unix client without a path.
    public let remoteAddress: SocketAddress

    let source: EventSource
    let family: AddressFamily
    /// The socket file of a Unix client that is bound to a path.
    private let file: UnixSocketFile?
    // Bytes that were received and not yet consumed. It allocates memory when it is first needed.
    @exclusivity(unchecked) var input = ByteBuffer(capacity: 65536)
    @exclusivity(unchecked) var scanner = LineScanner(limit: 65536)
    /// Whether the end of the stream was received.
    @exclusivity(unchecked) var isAtEnd = false
    /// Whether a write ended part-way, so that another one would continue in the wrong place.
    @exclusivity(unchecked) var isIncomplete = false
    private let readLimit = Atomic(TimeLimit.never.packed)
    private let writeLimit = Atomic(TimeLimit.never.packed)

    /// Takes ownership of a connected, non-blocking descriptor, and closes it if that fails.
    init(
        owning descriptor: Int32, _ family: AddressFamily, local: SocketAddress,
        remote: SocketAddress, file: UnixSocketFile? = nil, on loop: EventLoop
    ) throws(Errno) {
        self.family = family
        self.file = file
        localAddress = local
        remoteAddress = remote
        do throws(Errno) {
            source = try EventSource(owning: descriptor, on: loop)
        } catch {
            System.close(descriptor)
            throw error
        }
    }

    /// Takes over a connected socket of the type `.stream`, which is closed then for its other
    /// users.
    ///
    /// - Throws: `.invalidInput` for other kinds and for sockets that are not connected; as
    ///   `Socket.release`.
    public convenience init(
        adopting socket: Socket, group: LoopGroup = .shared
    ) throws(SocketError) {
        guard socket.type == .stream else {
            throw SocketError(
                .adopt,
                .invalidInput(
                    "a socket of the type \(socket.type): expected one of the type stream"))
        }
        let (family, local) = (socket.family, socket.localAddress)
        let remote = socket.remoteAddress
        let descriptor = try socket.release().rawValue
        do throws(Errno) {
            _ = try System.getpeername(descriptor)
            try System.setBlocking(descriptor, false)
        } catch {
            System.close(descriptor)
            throw SocketError(.adopt, .system(error), localAddress: local)
        }
        do throws(Errno) {
            try self.init(
                owning: descriptor, family, local: local, remote: remote, on: group.next())
        } catch {
            throw SocketError(.adopt, .system(error), remoteAddress: remote)
        }
    }

    /// Creates two connections that are connected to each other, as socketpair(2) does.
    ///
    /// ```swift
    /// let (client, server) = try Connection.pair()
    /// ```
    ///
    /// - Parameter group: The loop group. Each connection belongs to one of its loops.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/system(_:)`` if there are no
    ///   descriptors left.
    public static func pair(
        group: LoopGroup = .shared
    ) throws(SocketError) -> (Connection, Connection) {
        let (one, other) = try Socket.pair()
        return (
            try Connection(adopting: one, group: group),
            try Connection(adopting: other, group: group)
        )
    }

    deinit { close() }

    /// Closes the connection.
    ///
    /// Waiting tasks and all later calls get ``SocketError/Cause/closed``. Bytes that the kernel has
    /// accepted are still delivered. A second call does nothing.
    public func close() {
        // Remove the file only once, because another program may bind the path afterwards.
        if !isClosed { file?.remove() }
        source.close()
    }

    /// Whether ``close()`` has been called.
    public var isClosed: Bool { source.lifetime.isClosed }

    /// The limit of reads without a `timeout:` of their own; ``TimeLimit/never`` by default.
    public var readTimeout: TimeLimit {
        get { TimeLimit(packed: readLimit.load(ordering: .relaxed)) }
        set { readLimit.store(newValue.packed, ordering: .relaxed) }
    }

    /// The limit of writes without a `timeout:` of their own; ``TimeLimit/never`` by default.
    public var writeTimeout: TimeLimit {
        get { TimeLimit(packed: writeLimit.load(ordering: .relaxed)) }
        set { writeLimit.store(newValue.packed, ordering: .relaxed) }
    }

    /// Shuts down one direction of the connection or both, as shutdown(2) does.
    ///
    /// A half-close tells the peer that no more bytes will come:
    ///
    /// ```swift
    /// try await connection.write(request)
    /// try connection.shutdown(.write)
    /// let reply = try await connection.readToEnd()
    /// ```
    ///
    /// - Parameter half: The direction.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.socketNotConnected` if the connection is broken.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func shutdown(_ half: ShutdownDirection) throws(SocketError) {
        try call(.shutdown) { descriptor throws(Errno) in
            switch half {
            case .read: try System.shutdown(descriptor, .reading)
            case .write: try System.shutdown(descriptor, .writing)
            case .both: try System.shutdown(descriptor, .both)
            }
        }
    }

    /// Reads a socket option, as getsockopt(2) does.
    ///
    /// ```swift
    /// let isImmediate = try connection.option(.noDelay)
    /// ```
    ///
    /// - Parameter option: The option.
    /// - Returns: Its value.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the socket does not have this option.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func option<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        try call(.getOption, option.name) { descriptor throws(Errno) in
            try option.get(descriptor, family)
        }
    }

    /// Sets a socket option, as setsockopt(2) does.
    ///
    /// ```swift
    /// try connection.setOption(.keepAlive, to: true)
    /// ```
    ///
    /// - Parameters:
    ///   - option: The option.
    ///   - value: The new value.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the socket does not have this option, or the value is
    ///     not allowed.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func setOption<Value>(
        _ option: SocketOption<Value>, to value: Value
    ) throws(SocketError) {
        try call(.setOption, option.name) { descriptor throws(Errno) in
            try option.set(descriptor, family, value)
        }
    }

    private func call<Result>(
        _ operation: SocketError.Operation, _ subject: String? = nil,
        _ body: (Int32) throws(Errno) -> Result
    ) throws(SocketError) -> Result {
        guard source.enter() else { throw failure(operation, .closed) }
        defer { source.leave() }
        do throws(Errno) {
            return try body(source.descriptor)
        } catch {
            throw failure(operation, .system(error), subject)
        }
    }

    /// Makes the error of a failed operation. It is not inlined, because every task that waits would
    /// keep room for the unfinished error in its frame.
    @inline(never)
    func failure(_ operation: SocketError.Operation, after failure: WaitFailure) -> SocketError {
        self.failure(operation, failure.cause)
    }

    /// Makes the error of a failed operation.
    func failure(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, _ subject: String? = nil,
        bytesTransferred: Int = 0, partialBytes: [UInt8] = []
    ) -> SocketError {
        SocketError(
            operation, cause, subject: subject, localAddress: localAddress,
            remoteAddress: remoteAddress, bytesTransferred: bytesTransferred,
            partialBytes: partialBytes,
            stallReport: stallReport(operation, cause, sent: bytesTransferred))
    }
}
