internal import CSockets
internal import Glibc
internal import SystemPackage

// Every descriptor is created with close-on-exec, so that a program that another thread starts at
// the same time does not inherit the descriptor.
private let closeOnExec = Int32(SOCK_CLOEXEC.rawValue)
private let doNotBlock = Int32(SOCK_NONBLOCK.rawValue)

extension System {
    /// `IPPROTO_MPTCP`, which old versions of glibc do not declare.
    static let multipathTCP: Int32 = 262

    /// Creates a socket: socket(2).
    ///
    /// If `protocolNumber` is 0, the kernel chooses the default protocol of the type.
    static func socket(
        _ family: AddressFamily, _ type: SocketType, protocolNumber: Int32 = 0
    ) throws(Errno) -> Int32 {
        try systemCall(.socket) {
            Glibc.socket(family.number, type.number | closeOnExec, protocolNumber)
        }
    }

    /// Creates two connected Unix sockets: socketpair(2).
    static func socketpair(_ type: SocketType) throws(Errno) -> (Int32, Int32) {
        var pair: [Int32] = [-1, -1]
        _ = try systemCall(.socketpair) {
            Glibc.socketpair(AF_UNIX, type.number | closeOnExec, 0, &pair)
        }
        return (pair[0], pair[1])
    }

    /// Binds a socket to a local address: bind(2).
    static func bind(_ descriptor: Int32, _ address: RawSocketAddress) throws(Errno) {
        _ = try systemCall(.bind) { address.withAddress { Glibc.bind(descriptor, $0, $1) } }
    }

    /// Makes a socket listen: listen(2).
    static func listen(_ descriptor: Int32, _ backlog: Int32) throws(Errno) {
        _ = try systemCall(.listen) { Glibc.listen(descriptor, backlog) }
    }

    /// Accepts a connection: accept4(2) with `SOCK_CLOEXEC`, and with `SOCK_NONBLOCK` if `blocking`
    /// is false.
    static func accept(
        _ descriptor: Int32, blocking: Bool = true
    ) throws(Errno) -> (descriptor: Int32, peer: RawSocketAddress) {
        if let kernel = Simulation.kernel {
            return (try kernel.accept(descriptor), RawSocketAddress(.unnamed))
        }
        var peer = RawSocketAddress()
        let flags = blocking ? closeOnExec : closeOnExec | doNotBlock
        let accepted = try systemCall(.accept, onInterrupt: .report) {
            peer.withRoom { csockets_accept4(descriptor, $0, $1, flags) }
        }
        return (accepted, peer)
    }

    /// Starts to connect a socket: connect(2).
    ///
    /// An interrupted connect continues in the kernel and must not be repeated, so `EINTR` is
    /// reported.
    static func connect(_ descriptor: Int32, _ address: RawSocketAddress) throws(Errno) {
        #if DEBUG
            // Under simulation, only a reset of a connection makes this call, with AF_UNSPEC. It
            // fails, as on a Unix socket.
            if Simulation.kernel != nil { throw .invalidArgument }
        #endif
        _ = try systemCall(.connect, onInterrupt: .report) {
            address.withAddress { Glibc.connect(descriptor, $0, $1) }
        }
    }

    /// Shuts down one direction of a connection, or both directions: shutdown(2).
    static func shutdown(_ descriptor: Int32, _ direction: ShutdownDirection) throws(Errno) {
        if let kernel = Simulation.kernel { return try kernel.shutdown(descriptor, direction) }
        _ = try systemCall(.shutdown) { Glibc.shutdown(descriptor, direction.number) }
    }

    /// Closes a descriptor: close(2).
    ///
    /// Linux releases the descriptor even if the call is interrupted, so the call is never
    /// repeated.
    package static func close(_ descriptor: Int32) {
        if let kernel = Simulation.kernel { return kernel.close(descriptor) }
        do throws(Errno) {
            _ = try systemCall(.close, onInterrupt: .report) { Glibc.close(descriptor) }
        } catch {
            // The error is ignored, because it does not mean lost data. Calls of send have already
            // reported what could not be sent.
        }
    }

    /// Returns the local address: getsockname(2).
    static func getsockname(_ descriptor: Int32, fromUser: Bool = false) throws(Errno)
        -> RawSocketAddress
    {
        var address = RawSocketAddress()
        _ = try systemCall(.getsockname, fromUser: fromUser) {
            address.withRoom { Glibc.getsockname(descriptor, $0, $1) }
        }
        return address
    }

    /// Returns the peer's address: getpeername(2).
    static func getpeername(_ descriptor: Int32, fromUser: Bool = false) throws(Errno)
        -> RawSocketAddress
    {
        var address = RawSocketAddress()
        _ = try systemCall(.getpeername, fromUser: fromUser) {
            address.withRoom { Glibc.getpeername(descriptor, $0, $1) }
        }
        return address
    }

    /// Duplicates a descriptor, with close-on-exec on the copy: fcntl(2) with `F_DUPFD_CLOEXEC`.
    static func duplicate(_ descriptor: Int32, fromUser: Bool = false) throws(Errno) -> Int32 {
        try systemCall(.dup, fromUser: fromUser) { Glibc.fcntl(descriptor, F_DUPFD_CLOEXEC, 0) }
    }

    /// Sets whether calls on a descriptor wait: fcntl(2) with `O_NONBLOCK`.
    ///
    /// The user may have passed the descriptor for adoption, so an invalid one throws `EBADF`.
    static func setBlocking(_ descriptor: Int32, _ blocking: Bool) throws(Errno) {
        if Simulation.kernel != nil { return }
        let flags = try systemCall(.fcntl, fromUser: true) { Glibc.fcntl(descriptor, F_GETFL) }
        let newFlags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK
        guard newFlags != flags else { return }
        _ = try systemCall(.fcntl, fromUser: true) { Glibc.fcntl(descriptor, F_SETFL, newFlags) }
    }

    /// Returns whether calls on a user's descriptor wait: fcntl(2).
    static func isBlocking(_ descriptor: Int32) throws(Errno) -> Bool {
        try systemCall(.fcntl, fromUser: true) { Glibc.fcntl(descriptor, F_GETFL) } & O_NONBLOCK
            == 0
    }

    /// Sets close-on-exec on a descriptor: fcntl(2) with `FD_CLOEXEC`.
    ///
    /// The user may have passed the descriptor for adoption, so an invalid one throws `EBADF`.
    static func setCloseOnExec(_ descriptor: Int32) throws(Errno) {
        _ = try systemCall(.fcntl, fromUser: true) { Glibc.fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }
}
