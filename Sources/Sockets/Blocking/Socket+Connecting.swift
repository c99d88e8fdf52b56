internal import Synchronization
internal import SystemPackage

// Binding, listening, accepting and connecting.
extension Socket {
    /// Binds a local address: bind(2).
    ///
    /// With port 0, the kernel chooses the port; see ``localAddress``. The wildcard address `.any`
    /// binds every interface. An IPv6 socket binds an IPv4 address as an IPv4-mapped address, and
    /// an IPv4 socket binds a mapped address as its IPv4 address. On `::`, an IPv6 socket also
    /// serves IPv4 unless the option ``SocketOption/ipv6Only`` is set.
    ///
    /// For ``SocketAddress/unnamed``, the kernel gives a Unix socket an abstract name that no other
    /// socket has (unix(7), "Autobind feature"). A datagram client can then receive replies:
    ///
    /// ```swift
    /// let client = try Socket(.unix, .datagram)
    /// try client.bind(on: .unnamed)
    /// print(client.localAddress)  // such as @0b4c2
    /// ```
    ///
    /// - Parameter address: The local address.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `addressInUse` if another socket uses the address,
    ///     or if a file exists at the Unix path.
    ///   - ``SocketError/Cause/system(_:)`` with `addressNotAvailable` if the address does not
    ///     belong to this machine.
    ///   - ``SocketError/Cause/system(_:)`` with `permissionDenied` if the port is below 1024 and
    ///     the program lacks the privilege for it.
    ///   - ``SocketError/Cause/system(_:)`` with `invalidArgument` if the socket is already bound,
    ///     or if the address is ``SocketAddress/unnamed`` and the socket is not a Unix socket.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the address has another family.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func bind(on address: SocketAddress) throws(SocketError) {
        do throws(SocketError) {
            let raw = try address.raw(for: family, .bind, on: descriptor)
            let local = try call(.bind) { descriptor throws(Errno) in
                try System.bind(descriptor, raw)
                return SocketAddress(try System.getsockname(descriptor))
            }
            names.withLock { $0.local = local }
        } catch {
            throw SocketError(.bind, error.cause, localAddress: address)
        }
    }

    /// Starts listening for clients, which wait in the backlog until they are accepted: listen(2).
    ///
    /// - Parameter backlog: The maximum number of clients that wait to be accepted. A negative
    ///   number is treated as 0. The kernel reduces the number to its own limit.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `addressInUse` if another socket listens on the
    ///     address.
    ///   - ``SocketError/Cause/system(_:)`` with `notSupportedOnSocket` if the socket is a datagram
    ///     socket.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func listen(backlog: Int = ListenOptions.maximumBacklog) throws(SocketError) {
        let local = try call(.listen) { descriptor throws(Errno) in
            try System.startListening(descriptor, backlog: backlog)
        }
        names.withLock { $0.local = local }
    }

    /// Waits for the next client and accepts its connection: accept(2).
    ///
    /// ```swift
    /// let client = try server.accept(timeout: .seconds(60))
    /// print("connection from \(client.remoteAddress)")
    /// ```
    ///
    /// Waiting uses no processor time. A client that disconnects before it is accepted is skipped.
    /// The call blocks the thread; the async counterpart is ``Listener/accept(timeout:)``.
    ///
    /// - Parameter timeout: The maximum time to wait.
    /// - Returns: The socket of the client's connection.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `tooManyOpenFiles` or `tooManyOpenFilesInSystem`
    ///     if no descriptors are left. The client stays in the backlog.
    ///   - ``SocketError/Cause/system(_:)`` with `invalidArgument` if the socket does not listen.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if no client connected in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func accept(timeout: TimeLimit = .never) throws(SocketError) -> Socket {
        var accepted = try perform(
            .accept, .receiving, .pollOnly, Deadline(startingNow: timeout)
        ) { listener, _ throws(Errno) in
            // Another owner of the socket may have cleared `O_NONBLOCK`.
            if adoptedMode != nil || sharing.load(ordering: .relaxed) != .none {
                try System.setBlocking(listener, false)
            }
            let (descriptor, peer) = try System.acceptNext(listener)
            return OwnedSocket(
                OwnedDescriptor(descriptor), family, type, remote: SocketAddress(peer),
                mayLinger: linger.mayBeSet)
        }
        do throws(Errno) {
            accepted.localAddress = SocketAddress(
                try System.getsockname(accepted.descriptor.number))
        } catch {
            throw failure(.accept, .system(error))
        }
        return Socket(taking: accepted)
    }

    /// Connects to an address: connect(2).
    ///
    /// On a datagram socket, the call sends nothing. It sets the destination of `send`, and
    /// `receive` then accepts datagrams only from that address. Connecting to
    /// ``SocketAddress/unnamed`` removes the destination and releases a port that the kernel chose.
    /// After a failure or a timeout, the socket is unconnected and can connect again. The call
    /// blocks the thread; the async counterpart is
    /// ``Connection/init(to:timeout:tls:group:options:)-(SocketAddress,_,_,_,_)``.
    ///
    /// - Parameters:
    ///   - address: The peer's address.
    ///   - timeout: The maximum time to wait.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with the system's error, for example
    ///     `connectionRefused`, `networkUnreachable` or `socketIsConnected`.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the peer does not answer.
    ///   - ``SocketError/Cause/selfConnect`` if the kernel connected the socket to itself.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the address has another family.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func connect(
        to address: SocketAddress, timeout: TimeLimit = .seconds(10)
    ) throws(SocketError) {
        try connect(to: address, Deadline(startingNow: timeout))
    }

    /// Connects to an address, as one step of an operation that has a deadline.
    func connect(to address: SocketAddress, _ deadline: Deadline) throws(SocketError) {
        do throws(SocketError) {
            let raw = try address.raw(for: family, .connect, on: descriptor)
            if family == .unix {
                try perform(.connect, .sending, .inSlices, deadline) {
                    descriptor, flags throws(Errno) in
                    try System.connectUnix(descriptor, raw, mayWait: !flags.contains(.dontWait))
                }
            } else {
                try connectInternet(raw, deadline)
            }
            let established = try call(.connect) { descriptor throws(Errno) in
                if address == .unnamed, type == .datagram, family != .unix {
                    // Report destinations again, because the disconnected socket can receive at
                    // several addresses.
                    try System.enablePacketInfo(descriptor, isIPv6: family == .ipv6)
                }
                return try ConnectedAddresses(of: descriptor, target: address, type)
            }
            if established.isSelfConnect(type) {
                disconnect()
                throw failure(.connect, .selfConnect)
            }
            connectionError?.forget()
            names.withLock { names in
                // If the socket has no port yet, leave the address unknown, because the next send
                // binds the socket to a port.
                names.local = established.local.port == 0 ? nil : established.local
                names.remote = established.remote
            }
        } catch {
            throw failure(.connect, error.cause, remote: address)
                .withLocalHint(to: address, from: names.withLock { $0.local }, type)
        }
    }

    private func connectInternet(
        _ raw: RawSocketAddress, _ deadline: Deadline
    ) throws(SocketError) {
        try call(.connect) { descriptor throws(Errno) in
            try System.setBlocking(descriptor, false)
        }
        defer {
            // Ignore the error, because this call fails only if the socket was closed meanwhile.
            _ = try? call(.connect) { descriptor throws(Errno) in
                try System.setBlocking(descriptor, adoptedMode != .nonblocking)
            }
        }
        var hasStarted = false
        do throws(SocketError) {
            try perform(.connect, .sending, .pollOnly, deadline) { descriptor, _ throws(Errno) in
                if hasStarted {
                    try System.finishConnect(descriptor, raw)
                } else {
                    hasStarted = true
                    try System.startConnect(descriptor, raw)
                }
            }
        } catch {
            // Abandon the attempt, because it could still succeed after this call has failed. But
            // keep a connection that existed before this call.
            if error.errno != .socketIsConnected { disconnect() }
            throw error
        }
    }

    /// Ends an attempt to connect, so the socket is unconnected again.
    private func disconnect() {
        _ = try? call(.connect) { descriptor throws(Errno) in
            try System.connect(descriptor, RawSocketAddress(.unnamed))
        }
    }
}
