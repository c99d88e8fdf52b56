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
/// the threads that wait inside a call, and the call throws ``SocketError/Cause/closed``. The
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
    let lifetime = DescriptorLifetime()
    let receiveTimeout: KernelTimeout
    let sendTimeout: KernelTimeout
    let names: Lock<Names>
    /// Whether the descriptor has a duplicate, which could change the kernel's timeouts.
    ///
    /// While this is true, a call waits in the kernel only if it has no time limit.
    let hasDuplicate = Atomic<Bool>(false)

    /// The captured addresses, and the socket file to remove at the end.
    struct Names {
        var local: SocketAddress?
        var remote: SocketAddress?
        var file: UnixSocketFile?
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
        self.init(taking: try OwnedSocket(family, type))
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
        receiveTimeout = KernelTimeout(isKnown: socket.timeoutsAreKnown)
        sendTimeout = KernelTimeout(isKnown: socket.timeoutsAreKnown)
        names = Lock(
            Names(local: socket.localAddress, remote: socket.remoteAddress, file: socket.file))
        descriptor = socket.descriptor.take()
    }

    deinit { close() }

    /// Closes the socket at once, or when the last call has ended: close(2).
    ///
    /// Waiting calls and all later calls throw ``SocketError/Cause/closed``. A second close does
    /// nothing. The kernel still delivers the bytes that it has accepted. If a thread waits in
    /// ``accept(timeout:)``, the close also shuts the listening socket down for the other processes
    /// that share it.
    public func close() {
        let closing = lifetime.close(orRelease: releaseDescriptor)
        guard closing != .alreadyClosed else { return }
        names.withLock { $0.file.take() }?.remove()
        if closing == .inUse {
            // Ignore the error, because shutdown fails on an unconnected socket but still wakes the
            // waiting threads.
            try? System.shutdown(descriptor, .both)
        }
        leave()
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

    @inline(__always)
    private func releaseDescriptor() { System.close(descriptor) }

    /// The access to the descriptor, for the library's own use.
    public var _access: _DescriptorAccess { _DescriptorAccess(owner: self) }

    /// A Boolean value that indicates whether ``close()`` or ``release()`` has been called.
    public var isClosed: Bool { lifetime.isClosed }

    /// Ends one or both directions of a connection without closing the socket: shutdown(2).
    ///
    /// - Parameter direction: The direction to end. `.write` is a half-close: the peer reads the
    ///   end of the stream.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if the socket is not
    ///     connected.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func shutdown(_ direction: ShutdownDirection) throws(SocketError) {
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
