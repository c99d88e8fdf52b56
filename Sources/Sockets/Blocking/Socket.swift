internal import Synchronization
internal import SystemPackage

/// A blocking socket of any family and type, whose methods have the names of the POSIX calls in
/// Swift spelling.
///
/// ```swift
/// let socket = try Socket(to: .tcp("www.example.com", port: "http"))
/// try socket.sendAll("GET / HTTP/1.0\r\n\r\n")
/// let reply = try socket.receive(atMost: 512, timeout: .seconds(10))
/// ```
///
/// Several threads may use a socket at once: one may send while another receives. ``close()`` wakes
/// the threads that wait inside calls, and these calls throw ``SocketError/Cause/closed``. The
/// descriptor is released when the last call has ended, so its number is never reused while a
/// thread waits for it. A socket is closed when the last reference to it is released.
///
/// Calls may block the thread. In async code, use ``Connection``, ``Listener`` and
/// ``DatagramChannel``; blocking a thread of Swift's shared pool can stop the whole process.
public final class Socket: DescriptorOwner, MulticastSocket, Sendable {
    /// The address family of the socket.
    public let family: AddressFamily

    /// The type of the socket.
    public let type: SocketType

    let descriptor: Int32
    /// The blocking mode that the descriptor had when it was adopted; `nil` if the library created
    /// it.
    let adoptedMode: OwnedSocket.Mode?
    let lifetime = DescriptorLifetime()
    let linger: LingerState
    /// The error that broke the connection, shared with the duplicates of the socket.
    let connectionError: ConnectionError?
    let receiveTimeout: KernelTimeout
    let sendTimeout: KernelTimeout
    let names: Lock<Names>
    /// The TLS session of the connection, if TLS was started.
    let tlsReference = LazyReference<TLSSession>()
    /// How the socket is shared with other users.
    let sharing = Atomic<Sharing>(.none)

    /// How a socket is shared with other users, such as duplicates and other processes.
    enum Sharing: UInt8, AtomicRepresentable {
        /// This library knows of no other users.
        case none
        /// The kernel's timeouts apply to all users, so a call waits in the kernel only if it has
        /// no time limit.
        case timeouts
        /// A shutdown that wakes waiting calls would affect all users, and another user may have
        /// chosen the blocking mode. So calls wait only with poll(2).
        case everything
    }

    /// The captured addresses, the socket file to remove when the socket closes, the eventfd that
    /// signals the close, and the use of the nonblocking mode.
    struct Names {
        var local: SocketAddress?
        var remote: SocketAddress?
        var file: UnixSocketFile?
        /// An eventfd that is readable once the socket closes.
        var closeEvent: Int32?
        /// The number of calls that need the nonblocking mode; see `beginNonblocking`.
        var nonblockingCalls = 0
    }

    /// Creates an unbound, unconnected socket: socket(2).
    ///
    /// ```swift
    /// let socket = try Socket(.ipv4, .datagram)
    /// ```
    ///
    /// - Parameters:
    ///   - family: The address family.
    ///   - type: The type of the socket.
    /// - Throws: ``SocketError/Cause/system(_:)`` if the machine does not support the family or the
    ///   type, or if no descriptors are left (`EMFILE`, `ENFILE`).
    public convenience init(_ family: AddressFamily, _ type: SocketType = .stream)
        throws(SocketError)
    {
        let socket = try OwnedSocket(family, type)
        if type == .datagram {
            // Report destinations, because the first send binds the socket to the wildcard address.
            try socket.prepareForDatagrams(.createSocket, reportsDestinations: true)
        }
        self.init(taking: socket)
    }

    /// Returns two Unix sockets that are connected to each other: socketpair(2).
    ///
    /// - Parameter type: The type of both sockets.
    /// - Returns: The two sockets.
    /// - Throws: ``SocketError/Cause/system(_:)`` if no descriptors are left.
    public static func pair(_ type: SocketType = .stream) throws(SocketError) -> (Socket, Socket) {
        let pair = try OwnedSocket.pair(type)
        return (Socket(taking: pair.one), Socket(taking: pair.other))
    }

    /// Creates a socket that takes ownership of the descriptor, the addresses and the file of
    /// `socket`.
    init(taking socket: consuming OwnedSocket) {
        family = socket.family
        type = socket.type
        linger = LingerState(maySet: socket.traits.mayLinger)
        connectionError =
            socket.type == .datagram ? nil : socket.connectionError ?? ConnectionError()
        receiveTimeout = KernelTimeout(isKnown: socket.timeoutsAreKnown)
        sendTimeout = KernelTimeout(isKnown: socket.timeoutsAreKnown)
        names = Lock(
            Names(local: socket.localAddress, remote: socket.remoteAddress, file: socket.file))
        adoptedMode = socket.traits.adoptedMode
        if let adoptedMode, adoptedMode == .nonblocking || socket.type == .datagram {
            sharing.store(.everything, ordering: .relaxed)
        }
        descriptor = socket.descriptor.take()
        // The call cannot fail, because every socket has the option.
        if type == .sequencedPacket { try? System.setOption(descriptor, .timestamp, 1) }
    }

    deinit { close() }

    /// Closes the socket at once, or when the last call has ended: close(2).
    ///
    /// Waiting calls and all later calls throw ``SocketError/Cause/closed``. A second close does
    /// nothing. The call never waits. The kernel still delivers the bytes that it has accepted,
    /// unless the option ``SocketOption/linger`` is zero, which resets the connection. If the peer
    /// is still sending, the kernel resets the connection too, and the peer may lose the bytes that
    /// the kernel has accepted. Call ``finish(timeout:)`` to prevent that. On a TLS connection, the
    /// closing alert (close_notify) is sent only if the kernel accepts it at once.
    ///
    /// Other processes can go on using a listening socket, an adopted or duplicated datagram
    /// socket, or a connection that was adopted in nonblocking mode. Any other connection is shut
    /// down for all processes that share it if a thread waits in a call.
    public func close() {
        if _slowPath(tlsReference.isCreated) { endTLSBeforeClose() }
        let closing = lifetime.close(orRelease: releaseDescriptor)
        guard closing != .alreadyClosed else { return }
        names.withLock { $0.file.take() }?.remove()
        if closing == .inUse {
            wakeWaitingCalls()
        }
        leave()
    }

    /// Resets the connection and closes the socket, so that the peer does not take an incomplete
    /// stream for a complete one.
    ///
    /// The call sets the option ``SocketOption/linger`` to zero and closes the socket (`SO_LINGER`
    /// in socket(7)). Unsent bytes are discarded, and the peer gets `ECONNRESET`. On a TLS
    /// connection, no closing alert (close_notify) is sent. Sockets other than TCP have no reset,
    /// so the call only closes them. If the socket was duplicated, the reset is sent when its last
    /// duplicate is closed. On a closed socket, the call does nothing.
    ///
    /// ```swift
    /// guard isValid(header) else { return socket.abort() }
    /// ```
    public func abort() {
        // An error means that the socket is already closed.
        try? setOption(.linger, to: .zero)
        close()
    }

    /// Wakes the threads that wait inside calls, after the socket was marked closed.
    private func wakeWaitingCalls() {
        if let event = names.withLock({ $0.closeEvent }) { System.signal(event: event) }
        let isListening = (try? System.isListening(descriptor)) ?? false
        let isShared = sharing.load(ordering: .sequentiallyConsistent) == .everything
        // Shut down even a shared socket if a call waits in the kernel, because the call may have
        // begun to wait before the socket was shared.
        guard !(isListening || isShared) || receiveTimeout.isInUse || sendTimeout.isInUse else {
            return
        }
        linger.hangUp(descriptor)
    }

    /// Returns a descriptor that becomes readable when the socket closes, or `nil` if no
    /// descriptors are left.
    ///
    /// The caller must check afterwards that the socket is still open, because `close` may have run
    /// before the descriptor existed.
    func closeEvent() -> Int32? {
        names.withLock { names in
            if names.closeEvent == nil { names.closeEvent = try? System.makeEvent() }
            return names.closeEvent
        }
    }

    /// Begins a call on the descriptor.
    ///
    /// Returns `false` if the socket is closed.
    @inline(__always)
    func enter() -> Bool { lifetime.enter { releaseDescriptor() } }

    /// Ends a call.
    ///
    /// The last call on a closed socket releases the descriptor when it ends.
    @inline(__always)
    func leave() { lifetime.leave { releaseDescriptor() } }

    // This method is not inlined, so that `leave` stays small enough to be inlined.
    @inline(never)
    private func releaseDescriptor() {
        linger.close(descriptor)
        closeCloseEvent()
    }

    /// Closes the eventfd that signals the close, because no call waits for it any more.
    func closeCloseEvent() {
        if let event = names.withLock({ $0.closeEvent.take() }) { System.close(event) }
    }

    /// The access to the descriptor, for the library's own use.
    public var _access: _DescriptorAccess { _DescriptorAccess(owner: self) }

    /// A Boolean value that indicates whether ``close()`` or ``release()`` has been called.
    public var isClosed: Bool { lifetime.isClosed }

    /// Shuts down one or both directions of a connection without closing the socket: shutdown(2).
    ///
    /// - Parameter direction: The direction to shut down. `.write` is a half-close, so the peer
    ///   reads EOF.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if the socket is not
    ///     connected.
    ///   - ``SocketError/Cause/system(_:)`` with `wouldBlock` if the socket uses TLS and the kernel
    ///     does not accept the closing alert (close_notify) at once. The direction is then still
    ///     open.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func shutdown(_ direction: ShutdownDirection) throws(SocketError) {
        if _slowPath(tlsReference.isCreated) { try endTLS(direction) }
        try end(direction)
    }

    /// The local address that bind or connect captured: getsockname(2).
    ///
    /// It is ``SocketAddress/unnamed`` before bind or connect. For a socket that listens on the
    /// wildcard address, it is the wildcard address.
    public var localAddress: SocketAddress {
        if let captured = names.withLock({ $0.local }) { return captured }
        // Ask the kernel, because a datagram socket gets its address with the first send.
        let local = try? call(.getOption) { descriptor throws(Errno) in
            SocketAddress(try System.getsockname(descriptor))
        }
        guard let local, local != .unnamed, local.port != 0 else { return local ?? .unnamed }
        names.withLock { $0.local = local }
        return local
    }

    /// The peer's address that connect or accept captured: getpeername(2).
    ///
    /// It is ``SocketAddress/unnamed`` before connect or accept, and for a Unix client without an
    /// address. A socket that listens on IPv4 and IPv6 reports the IPv4 addresses of IPv4 clients.
    public var remoteAddress: SocketAddress {
        names.withLock { $0.remote ?? .unnamed }
    }
}
