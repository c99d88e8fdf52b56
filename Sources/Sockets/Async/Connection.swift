internal import Synchronization
internal import SystemPackage

/// An async connection that transfers a stream of bytes over TCP or a Unix socket.
///
/// Waiting suspends the task without blocking a thread.
///
/// ```swift
/// let connection = try await Connection(to: .tcp("localhost", port: "daytime"))
/// for try await line in connection.lines { print(line) }
/// ```
///
/// One task may read while other tasks write. Writes of several tasks queue: they are sent in the
/// order of the calls, and each write stays whole. A second reader gets ``SocketError/Cause/busy``.
/// Bytes that were received but not yet consumed belong to the connection, so a program can leave a
/// loop over ``lines``, call `read`, and lose nothing.
///
/// Cancelling a task ends its wait at once with ``SocketError/Cause/cancelled``. No bytes are lost,
/// and the next read continues. Even if a peer sends endlessly, a cancelled task ends, because one
/// of its next reads throws this error. Neither a cancellation nor a timeout affects later
/// operations.
///
/// A connection is closed by ``close()`` or when its last reference is released.
public final class Connection: LoopSocket, @unchecked Sendable {
    // Safe because only the reading task uses `input`, `scanner` and `isAtEnd`, and only the
    // writing task uses `isIncomplete` and `sendFileMayWait`. At most one task reads and at most
    // one task writes at a time.

    /// The local address at the time of connecting.
    public let localAddress: SocketAddress

    /// The address of the peer, or ``SocketAddress/unnamed`` for a Unix client without a path.
    public let remoteAddress: SocketAddress

    let source: EventSource
    let family: AddressFamily
    /// The socket file of a Unix client that is bound to a path.
    let file: UnixSocketFile?
    // The bytes that were received but not yet consumed. The buffer allocates memory on first use.
    @exclusivity(unchecked) var input = ByteBuffer(capacity: 65536)
    @exclusivity(unchecked) var scanner = LineScanner(limit: 65536)
    /// A Boolean value that indicates whether the end of the stream was received.
    @exclusivity(unchecked) var isAtEnd = false
    /// A Boolean value that indicates whether a write ended part-way, so another write would
    /// continue in the middle of a message.
    @exclusivity(unchecked) var isIncomplete = false
    /// A Boolean value that indicates whether sendfile(2) and splice(2) could block, because the
    /// socket was adopted and may be in blocking mode.
    ///
    /// These calls have no flag like `MSG_DONTWAIT` for the socket.
    @exclusivity(unchecked) var sendFileMayWait = false
    /// A Boolean value that indicates whether a writing task is inside a system call, or is about
    /// to note the error of that call.
    let isAttemptingWrite = Atomic<Bool>(false)
    /// The error that broke the connection.
    ///
    /// The object is created on first use, because most connections never break.
    let brokenBy = LazyReference<ConnectionError>()
    /// The TLS session, which is created when TLS starts.
    let tlsReference = LazyReference<TLSSession>()
    private let readLimit = Atomic(TimeLimit.never.packed)
    private let writeLimit = Atomic(TimeLimit.never.packed)
    private let longestLine = Atomic(65536)

    /// Creates a connection that takes ownership of a connected, nonblocking socket.
    init(taking socket: consuming OwnedSocket, on loop: EventLoop) throws(Errno) {
        family = socket.family
        file = socket.file
        localAddress = socket.localAddress ?? .unnamed
        remoteAddress = socket.remoteAddress ?? .unnamed
        if let connectionError = socket.connectionError { _ = brokenBy.object { connectionError } }
        let traits = socket.traits
        source = try EventSource(owning: socket.descriptor, with: traits, on: loop)
    }

    /// Creates two connections that are connected to each other, as socketpair(2) does.
    ///
    /// ```swift
    /// let (client, server) = try Connection.pair()
    /// ```
    ///
    /// - Parameter group: The loop group. Each connection belongs to one of its loops.
    /// - Returns: The two connections.
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/system(_:)`` if no descriptors
    ///   are left.
    public static func pair(
        group: LoopGroup = .shared
    ) throws(SocketError) -> (Connection, Connection) {
        try group.loops[0].checkStarted()
        let pair = try OwnedSocket.pair(.stream)
        do throws(Errno) {
            try System.setBlocking(pair.one.descriptor.number, false)
            try System.setBlocking(pair.other.descriptor.number, false)
            return (
                try Connection(taking: pair.one, on: group.next()),
                try Connection(taking: pair.other, on: group.next())
            )
        } catch {
            throw SocketError(.createSocket, .system(error))
        }
    }

    deinit { close() }

    /// Closes the connection.
    ///
    /// Waiting tasks and all later calls get ``SocketError/Cause/closed``. The call never waits.
    /// Bytes that the kernel has accepted are still delivered, unless the option
    /// ``SocketOption/linger`` is zero, which resets the connection. The kernel also resets the
    /// connection if the peer is still sending, and the peer may then lose bytes that it has not
    /// read. Call ``finish(timeout:)`` to prevent that. On a TLS connection, the closing alert
    /// (close_notify) is sent only if the kernel accepts it at once. A second call does nothing.
    public func close() {
        file?.remove()
        if _slowPath(tlsReference.isCreated) { endTLSBeforeClose() }
        source.close()
    }

    /// Resets the connection and closes it, so that the peer does not take an incomplete stream for
    /// a complete one.
    ///
    /// The call sets the option ``SocketOption/linger`` to zero and closes the connection
    /// (`SO_LINGER` in socket(7)). Unsent bytes are discarded, and the peer gets `ECONNRESET`. On a
    /// TLS connection, no closing alert (close_notify) is sent. A Unix socket has no reset, so the
    /// call only closes it. If the socket was duplicated, the reset is sent when its last duplicate
    /// is closed. On a closed connection, the call does nothing.
    ///
    /// ```swift
    /// guard isValid(header) else { return connection.abort() }
    /// ```
    public func abort() {
        // An error means that the connection is already closed.
        try? setOption(.linger, to: .zero)
        close()
    }

    /// A Boolean value that indicates whether ``close()`` has been called.
    public var isClosed: Bool { source.lifetime.isClosed }

    /// The time limit for reads without their own `timeout:`, ``TimeLimit/never`` by default.
    ///
    /// A timeout does not undo earlier reads. If a message takes two reads and the second one times
    /// out, keep the bytes from the first.
    public var readTimeout: TimeLimit {
        get { TimeLimit(packed: readLimit.load(ordering: .relaxed)) }
        set { readLimit.store(newValue.packed, ordering: .relaxed) }
    }

    /// The time limit for writes without their own `timeout:`, ``TimeLimit/never`` by default.
    public var writeTimeout: TimeLimit {
        get { TimeLimit(packed: writeLimit.load(ordering: .relaxed)) }
        set { writeLimit.store(newValue.packed, ordering: .relaxed) }
    }

    /// The maximum length of a line in bytes without its line ending, 65,536 by default.
    ///
    /// It limits the memory that a peer can fill with an endless line. It also applies to a message
    /// that ends with a delimiter, including the delimiter, unless the call has its own `limit:`.
    /// Values below 0 mean 0. Set it before you read, because the earlier limit may still apply to
    /// bytes that have already arrived.
    public var lineLimit: Int {
        get { longestLine.load(ordering: .relaxed) }
        set { longestLine.store(LineScanner.clamped(newValue), ordering: .relaxed) }
    }

    /// Shuts down one or both directions of the connection, as shutdown(2) does.
    ///
    /// After a half-close, the peer reads the end of the stream and can still reply:
    ///
    /// ```swift
    /// try await connection.write(request)
    /// try connection.shutdown(.write)
    /// let reply = try await connection.readToEnd()
    /// ```
    ///
    /// - Parameter direction: The direction.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `.socketNotConnected` if the connection is broken.
    ///   - ``SocketError/Cause/system(_:)`` with `.wouldBlock` if the connection uses TLS and the
    ///     kernel does not accept the closing alert (close_notify) at once. The direction is then
    ///     still open.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func shutdown(_ direction: ShutdownDirection) throws(SocketError) {
        if _slowPath(tlsReference.isCreated) { try endTLS(direction) }
        try end(direction)
    }

    var peerAddress: SocketAddress? { remoteAddress }

    var connectionError: ConnectionError? { brokenBy.object { ConnectionError() } }

    /// The access to the descriptor, for the library's own use.
    public var _access: _DescriptorAccess { _DescriptorAccess(owner: self) }

    /// Returns the error of a failed operation.
    ///
    /// This method is not inlined, because otherwise the frame of every waiting task would reserve
    /// space for the error.
    @inline(never)
    func failure(_ operation: SocketError.Operation, after failure: WaitFailure) -> SocketError {
        self.failure(operation, failure.cause)
    }

    /// Returns the error of a failed operation, and notes an error that broke the connection.
    func failure(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, bytesTransferred: Int = 0,
        partialBytes: [UInt8] = []
    ) -> SocketError {
        var cause = cause
        if case .system(let code) = cause {
            note(code)
            // Replace the error, because the kernel reports a reset by the peer although this side
            // reset the connection.
            if brokenBy.objectIfCreated?.causeOfReset != nil { cause = .system(.connectionAbort) }
        }
        cause = tlsSession?.cause(of: cause) ?? cause
        return SocketError(
            operation, cause, localAddress: localAddress, remoteAddress: remoteAddress,
            bytesTransferred: bytesTransferred, partialBytes: partialBytes,
            stallReport: stallReport(operation, cause, sent: bytesTransferred))
    }
}
