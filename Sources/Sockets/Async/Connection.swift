internal import Synchronization
internal import SystemPackage

/// A connected stream of bytes, TCP or Unix, for tasks: what waits suspends, and blocks no thread.
///
/// ```swift
/// let connection = try await Connection(to: .tcp("localhost", port: "daytime"))
/// for try await line in connection.lines { print(line) }
/// ```
///
/// One task may read while another writes; a second reader or a second writer gets `.busy`. What
/// was received and not yet taken belongs to the connection: leaving a loop over `lines` and
/// reading on in another way loses nothing. Cancelling a task ends its wait at once, with
/// `.cancelled`, and loses no byte either: the next read goes on. A peer who sends without end keeps
/// no cancelled task alive: of reads that need not wait, one of the next few ends so too. Neither a
/// cancellation nor a time-out sticks to the connection.
///
/// It is closed by `close`, or when the last reference to it goes.
public final class Connection: @unchecked Sendable {
    // Safe: `input` and `scanner` are touched only by who holds the reading direction, and
    // `isIncomplete` only by who holds the writing direction; both are held by one task at a time.

    /// The connection's own address, as it was when it was connected.
    public let localAddress: SocketAddress

    /// The peer's address; `.unnamed` for a Unix client that has no name.
    public let remoteAddress: SocketAddress

    let source: EventSource
    let family: AddressFamily
    /// What a Unix client that has a path of its own leaves behind.
    private let file: UnixSocketFile?
    // What was received and not yet taken; without memory of its own until it is needed.
    @exclusivity(unchecked) var input = ByteBuffer(capacity: 65536)
    @exclusivity(unchecked) var scanner = LineScanner(limit: 65536)
    /// The peer has ended the stream.
    @exclusivity(unchecked) var isAtEnd = false
    /// A write went out only in part; more would continue in the wrong place.
    @exclusivity(unchecked) var isIncomplete = false
    private let readLimit = Atomic(TimeLimit.never.packed)
    private let writeLimit = Atomic(TimeLimit.never.packed)

    /// Takes over a connected descriptor that does not wait.
    init(
        owning descriptor: Int32, _ family: AddressFamily, local: SocketAddress,
        remote: SocketAddress, file: UnixSocketFile? = nil, on loop: EventLoop
    ) throws(SocketError) {
        self.family = family
        self.file = file
        localAddress = local
        remoteAddress = remote
        do throws(Errno) {
            source = try EventSource(owning: descriptor, on: loop)
        } catch {
            System.close(descriptor)
            throw SocketError(.connect, .system(error), remoteAddress: remote)
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
        do throws(SocketError) {
            try self.init(
                owning: descriptor, family, local: local, remote: remote, on: group.next())
        } catch {
            throw error.with(operation: .adopt)
        }
    }

    /// Two connections that are connected to each other: socketpair(2).
    ///
    /// - Throws: `.system`: there are no descriptors left.
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

    /// Closes the connection. Tasks that wait get `.closed`; so do all later calls.
    ///
    /// Can be repeated. Bytes that the kernel has accepted are still delivered.
    public func close() {
        // Once: by the next time the path may be another's.
        if !isClosed { file?.remove() }
        source.close()
    }

    /// Whether `close` has been called.
    public var isClosed: Bool { source.gate.isClosed }

    /// The limit of reads that are given none of their own; `.never` unless set.
    public var readTimeout: TimeLimit {
        get { TimeLimit(packed: readLimit.load(ordering: .relaxed)) }
        set { readLimit.store(newValue.packed, ordering: .relaxed) }
    }

    /// The limit of writes that are given none of their own; `.never` unless set.
    public var writeTimeout: TimeLimit {
        get { TimeLimit(packed: writeLimit.load(ordering: .relaxed)) }
        set { writeLimit.store(newValue.packed, ordering: .relaxed) }
    }

    /// Ends one half of the connection, or both, without closing it: shutdown(2).
    ///
    /// - Throws: `.system(.socketNotConnected)`, `.closed`.
    public func shutdown(_ half: ShutdownDirection) throws(SocketError) {
        try call(.shutdown) { descriptor throws(Errno) in
            switch half {
            case .read: try System.shutdown(descriptor, .reading)
            case .write: try System.shutdown(descriptor, .writing)
            case .both: try System.shutdown(descriptor, .both)
            }
        }
    }

    /// Reads an option: getsockopt(2).
    ///
    /// - Throws: as `Socket.option`.
    public func option<Value>(_ option: SocketOption<Value>) throws(SocketError) -> Value {
        try call(.getOption, option.name) { descriptor throws(Errno) in
            try option.get(descriptor, family)
        }
    }

    /// Sets an option: setsockopt(2).
    ///
    /// - Throws: as `Socket.setOption`.
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

    /// Describes why a wait ended. Made apart: room for an error in the making would be kept in the
    /// frame of every task that waits.
    @inline(never)
    func failure(_ operation: SocketError.Operation, after end: EndOfWait) -> SocketError {
        failure(operation, end.cause)
    }

    /// Describes what failed.
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
