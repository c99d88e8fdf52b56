internal import Synchronization
internal import SystemPackage

/// One kernel socket of any family and kind, with calls that wait: the POSIX calls under their own
/// names in Swift spelling.
///
/// ```swift
/// let socket = try Socket(to: .tcp("www.example.com", port: "http"))
/// try socket.sendAll("GET / HTTP/1.0\r\n\r\n")
/// let reply = try socket.receive(atMost: 512, timeout: .seconds(10))
/// ```
///
/// A socket may be used by several threads at once: one may send while another receives. `close`
/// wakes whoever waits inside a call (they get `.closed`), and the descriptor is released when the
/// last call has left, so that it is never reused under a waiter. A socket that nobody refers to
/// any more is closed.
///
/// Every call here may block its thread. Do not make them in a task of Swift's shared pool; give
/// them a thread.
public final class Socket: Sendable {
    /// The family the socket was made for.
    public let family: AddressFamily

    /// The kind the socket was made as.
    public let type: SocketType

    let descriptor: Int32
    let gate = DescriptorLifetime()
    let receiveTimeout: KernelTimeout
    let sendTimeout: KernelTimeout
    let names = Lock(Names())
    /// The descriptor has a duplicate, which could change the kernel's time limits: only "none" is
    /// relied on.
    let hasDuplicate = Atomic<Bool>(false)

    /// The addresses as they were captured, and the socket file to remove at the end.
    struct Names {
        var local: SocketAddress?
        var remote: SocketAddress?
        var file: UnixSocketFile?
    }

    /// Makes an unbound, unconnected socket: socket(2).
    ///
    /// - Throws: `.system`: the family is not supported here, the kind is not supported in this
    ///   family, or there are no descriptors left (`EMFILE`, `ENFILE`).
    public convenience init(_ family: AddressFamily, _ type: SocketType = .stream)
        throws(SocketError)
    {
        do throws(Errno) {
            let descriptor = try System.socket(family.domain, type.raw)
            self.init(owning: descriptor, family, type)
        } catch {
            throw SocketError(.createSocket, .system(error))
        }
    }

    /// Two Unix sockets that are connected to each other: socketpair(2).
    ///
    /// - Throws: `.system`: there are no descriptors left.
    public static func pair(_ type: SocketType = .stream) throws(SocketError) -> (Socket, Socket) {
        do throws(Errno) {
            let (one, other) = try System.socketpair(type.raw)
            return (Socket(owning: one, .unix, type), Socket(owning: other, .unix, type))
        } catch {
            throw SocketError(.createSocket, .system(error))
        }
    }

    /// Takes a descriptor over, which from now on nobody else may close.
    init(
        owning descriptor: Int32, _ family: AddressFamily, _ type: SocketType,
        timeoutsAreKnown: Bool = true,
        local: SocketAddress? = nil, remote: SocketAddress? = nil
    ) {
        self.descriptor = descriptor
        self.family = family
        self.type = type
        receiveTimeout = KernelTimeout(isKnown: timeoutsAreKnown)
        sendTimeout = KernelTimeout(isKnown: timeoutsAreKnown)
        names.withLock { $0 = Names(local: local, remote: remote) }
    }

    deinit { close() }

    /// Closes the socket: close(2), at once or when the last call inside has left.
    ///
    /// Calls that wait inside get `.closed`; so do all later calls. Closing again does nothing. A
    /// listening socket that other processes share is shut down for them as well when a call was
    /// waiting in `accept`. Bytes that the kernel has accepted are still delivered.
    public func close() {
        let closing = gate.close { System.close(descriptor) }
        guard closing != .alreadyClosed else { return }
        names.withLock { $0.file.take()?.remove() }
        if closing == .waking {
            // Fails on a socket that is not connected, and wakes its waiters all the same.
            try? System.shutdown(descriptor, .both)
        }
        leave()
    }

    /// Begins a call on the descriptor; false if the socket is closed.
    @inline(__always)
    func enter() -> Bool {
        gate.enter { System.close(descriptor) }
    }

    /// Ends a call; the last to leave a closed socket releases the descriptor.
    @inline(__always)
    func leave() {
        gate.leave { System.close(descriptor) }
    }

    /// Whether `close` or `release` has been called.
    public var isClosed: Bool { gate.isClosed }

    /// Ends one half of a connection, or both, without closing the socket: shutdown(2).
    ///
    /// - Throws: `.system(.socketNotConnected)`, `.closed`.
    public func shutdown(_ direction: ShutdownDirection) throws(SocketError) {
        try call(.shutdown) { descriptor throws(Errno) in
            switch direction {
            case .read: try System.shutdown(descriptor, .reading)
            case .write: try System.shutdown(descriptor, .writing)
            case .both: try System.shutdown(descriptor, .both)
            }
        }
    }

    /// The socket's own address: captured when it was bound or connected, `.unnamed` before.
    ///
    /// getsockname(2); the wildcard address of a listening socket stays the wildcard.
    public var localAddress: SocketAddress {
        if let captured = names.withLock({ $0.local }) { return captured }
        // A datagram socket gets its address with the first send.
        let local = try? call(.getOption) { descriptor throws(Errno) in
            SocketAddress(try System.getsockname(descriptor))
        }
        guard let local, local != .unnamed, local.port != 0 else { return local ?? .unnamed }
        names.withLock { $0.local = local }
        return local
    }

    /// The peer's address: captured when the socket was connected or accepted, `.unnamed` before
    /// and for a Unix client that has no name.
    ///
    /// getpeername(2). IPv4 callers of a socket that listens on both families are shown as IPv4.
    public var remoteAddress: SocketAddress {
        names.withLock { $0.remote ?? .unnamed }
    }
}
