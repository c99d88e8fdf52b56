internal import SystemPackage

/// A new socket before a `Socket`, `Connection`, `PacketConnection`, `Listener` or
/// `DatagramChannel` takes ownership of it.
///
/// If no such type takes ownership, the descriptor is closed and the socket file that bind created
/// is removed at the end of the value's lifetime.
struct OwnedSocket: ~Copyable {
    let descriptor: OwnedDescriptor
    let family: AddressFamily
    let type: SocketType
    /// The local and the remote address, if they are known.
    var localAddress: SocketAddress?
    var remoteAddress: SocketAddress?
    /// The socket file that bind created.
    private(set) var file: UnixSocketFile?
    /// A Boolean value that indicates whether the kernel's send and receive timeouts have their
    /// defaults.
    ///
    /// It is `false` if a raw option may have changed them.
    private(set) var timeoutsAreKnown: Bool
    private(set) var traits: Traits
    /// The error that broke the connection, shared with the duplicates of the socket.
    let connectionError: ConnectionError?

    /// What the owner of a descriptor must know about the descriptor.
    struct Traits {
        /// The blocking mode that the descriptor had when it was adopted; `nil` if the library
        /// created it.
        let adoptedMode: Mode?
        /// A Boolean value that indicates whether `SO_LINGER` may have been turned on.
        fileprivate(set) var mayLinger: Bool
        /// A Boolean value that indicates whether another descriptor may refer to the same socket.
        ///
        /// The owner of that descriptor relies on the current blocking mode.
        let isShared: Bool

        /// The traits of a descriptor that is not a socket, and that other code also uses.
        static let foreign = Traits(adoptedMode: nil, mayLinger: false, isShared: true)
    }

    /// The blocking mode of a descriptor.
    enum Mode {
        case blocking, nonblocking
    }

    init(
        _ descriptor: consuming OwnedDescriptor, _ family: AddressFamily, _ type: SocketType,
        local: SocketAddress? = nil, remote: SocketAddress? = nil, file: UnixSocketFile? = nil,
        timeoutsAreKnown: Bool = true, adoptedMode: Mode? = nil, mayLinger: Bool = false,
        connectionError: ConnectionError? = nil, isShared: Bool = false
    ) {
        self.descriptor = descriptor
        self.family = family
        self.type = type
        localAddress = local
        remoteAddress = remote
        self.file = file
        self.timeoutsAreKnown = timeoutsAreKnown
        traits = Traits(adoptedMode: adoptedMode, mayLinger: mayLinger, isShared: isShared)
        self.connectionError = connectionError
    }

    /// Creates an unbound, unconnected socket, with the protocol that the settings choose:
    /// socket(2).
    ///
    /// The other settings are not applied.
    init(
        _ family: AddressFamily, _ type: SocketType, for settings: [SocketOptionSetting] = []
    ) throws(SocketError) {
        let choice = settings.isEmpty ? nil : settings.last { $0.protocolNumber != nil }
        let number: Int32
        do throws(Errno) {
            number = try System.socket(
                family, type, protocolNumber: choice?.protocolNumber ?? 0)
        } catch {
            if let choice, error == .protocolNotSupported || error == .protocolNotAvailable {
                throw choice.explained(
                    SocketError(.setOption, .system(error), subject: choice.name))
            }
            throw SocketError(.createSocket, .system(error))
        }
        self.init(OwnedDescriptor(number), family, type)
    }

    /// Creates two Unix sockets that are connected to each other: socketpair(2).
    static func pair(_ type: SocketType) throws(SocketError) -> Pair {
        do throws(Errno) {
            let (one, other) = try System.socketpair(type)
            return Pair(
                one: OwnedSocket(OwnedDescriptor(one), .unix, type),
                other: OwnedSocket(OwnedDescriptor(other), .unix, type))
        } catch {
            throw SocketError(.createSocket, .system(error))
        }
    }

    /// Two connected sockets.
    ///
    /// It is a struct because a tuple cannot contain noncopyable values.
    struct Pair: ~Copyable {
        let one: OwnedSocket
        let other: OwnedSocket
    }

    /// Creates a socket for a connection to `address`, sets its options, and binds its local
    /// address.
    static func unconnected(
        for address: SocketAddress, _ type: SocketType, _ options: ConnectOptions
    ) throws(SocketError) -> OwnedSocket {
        var socket = try OwnedSocket(
            address.socketFamily, type, for: options.socketOptions)
        if !options.socketOptions.isEmpty {
            try socket.set(options.socketOptions, destination: address)
        }
        if let local = try options.localAddress(for: address) {
            if type == .stream, socket.family != .unix {
                // For port 0, let connect choose the port, because bind would reserve a port for
                // every destination.
                let option: SocketOption<Bool> = local.port == 0 ? .bindWithoutPort : .reuseAddress
                let family = socket.family
                do throws(SocketError) {
                    try socket.call(.setOption, option.name) { descriptor throws(Errno) in
                        try option.set(descriptor, family, true)
                    }
                } catch {
                    // Old kernels lack this option on Multipath TCP sockets, so bind then reserves
                    // a port.
                    guard local.port == 0, error.errno == .notSupportedOnSocket else { throw error }
                }
            }
            try socket.bind(on: local.adapted(to: socket.family))
        }
        return socket
    }

    /// Creates a socket, binds it to the first address that can be bound, and listens unless it is
    /// a datagram socket.
    static func bound(
        toOneOf addresses: [SocketAddress], of endpoint: Endpoint, _ options: ListenOptions
    ) throws(SocketError) -> OwnedSocket {
        let isEveryAddress = endpoint.host == "" && options.family == nil
        var failure: SocketError?
        for address in addresses {
            do throws(SocketError) {
                return try bound(on: address, endpoint.transport.socketType, options)
            } catch {
                failure = failure ?? error
                // A machine without IPv6 rejects the family or its wildcard address, so try IPv4
                // next.
                let lacksIPv6 =
                    error.errno == .addressFamilyNotSupported
                    || error.errno == .addressNotAvailable
                guard !isEveryAddress || lacksIPv6 else { break }
            }
        }
        throw failure ?? SocketError(.bind, .system(.addressNotAvailable))
    }

    /// Creates a socket, binds it to `address`, and listens unless it is a datagram socket.
    ///
    /// A socket on `::` serves both families unless the options restrict it to IPv6. A socket on an
    /// IPv4-mapped address is an IPv4 socket.
    static func bound(
        on address: SocketAddress, _ type: SocketType, _ options: ListenOptions
    ) throws(SocketError) -> OwnedSocket {
        let address = address.unmapped
        var socket = try OwnedSocket(address.family ?? .unix, type, for: options.socketOptions)
        let family = socket.family
        var settings: [SocketOptionSetting] = []
        if family == .ipv6 {
            let isDualStack = address.ip == .v6(.any) && options.family != .ipv6
            settings.append(.set(.ipv6Only, to: !isDualStack))
        }
        if family != .unix {
            if type == .stream { settings.append(.set(.reuseAddress, to: true)) }
            if options.reusePort || options.sharded { settings.append(.set(.reusePort, to: true)) }
            // Set `SO_REUSEADDR` too, because only this option lets programs of different users
            // share a UDP port, such as port 5353 with avahi.
            if type == .datagram, options.reusePort {
                settings.append(.set(.reuseAddress, to: true))
            }
        }
        try socket.set(settings)
        if type == .datagram {
            try socket.prepareForDatagrams(.bind, reportsDestinations: address.isOneOfMany)
        }
        try socket.set(options.socketOptions)
        do throws(SocketError) {
            try socket.bind(on: address)
        } catch {
            guard error.errno == .addressInUse, UnixSocketFile.removeStale(address, type: type)
            else { throw error }
            try socket.bind(on: address)
        }
        if type != .datagram { try socket.listen(backlog: options.backlog) }
        return socket
    }

    /// Sets the options of every new datagram socket.
    ///
    /// Call this function before bind. Otherwise the socket could receive datagrams to groups that
    /// it has not joined. It could also receive datagrams without their destination, so replies
    /// could leave from another address.
    func prepareForDatagrams(
        _ operation: SocketError.Operation, reportsDestinations: Bool
    ) throws(SocketError) {
        guard family != .unix else { return }
        try call(operation) { descriptor throws(Errno) in
            try System.receiveJoinedGroupsOnly(descriptor, family)
            if reportsDestinations {
                try System.enablePacketInfo(descriptor, isIPv6: family == .ipv6)
            }
        }
    }

    /// Sets options in order.
    ///
    /// `destination` is the address to which the socket will connect, or `nil` if it will not
    /// connect.
    mutating func set(
        _ settings: [SocketOptionSetting], destination: SocketAddress? = nil
    ) throws(SocketError) {
        for setting in settings {
            do throws(SocketError) {
                switch setting.effect {
                case .option(let apply):
                    try call(.setOption, setting.name) { descriptor throws(Errno) in
                        try apply(descriptor, family)
                    }
                case .protocolNumber: break  // The socket was created with it.
                case .flowLabel(let label):
                    try leaseFlowLabel(label, setting.name, to: destination)
                }
            } catch {
                throw setting.explained(error)
            }
            if setting.isRaw { timeoutsAreKnown = false }
            if setting.mayLinger { traits.mayLinger = true }
        }
    }

    /// Leases a flow label for an IPv6 connection; has no effect on an IPv4 socket that connects.
    private func leaseFlowLabel(
        _ label: UInt32, _ name: String, to destination: SocketAddress?
    ) throws(SocketError) {
        guard family != .ipv4 || destination == nil else { return }
        try call(.setOption, name) { descriptor throws(Errno) in
            guard let destination, family == .ipv6 else { throw .notSupportedOnSocket }
            let raw = try destination.raw(for: family, on: descriptor)
            try System.leaseFlowLabel(descriptor, label, to: raw)
        }
    }

    /// Returns an address of a peer in the kernel's form, with the flow label that the settings
    /// choose.
    func rawDestination(
        _ address: SocketAddress, for settings: [SocketOptionSetting]
    ) throws(SocketError) -> RawSocketAddress {
        var raw = try address.raw(for: family, .connect, on: descriptor.number)
        if family == .ipv6, let label = settings.last(where: { $0.flowLabel != nil })?.flowLabel {
            raw.setFlowLabel(label)
        }
        return raw
    }

    /// Binds an address: bind(2).
    ///
    /// The socket then owns the socket file of a Unix path. For ``SocketAddress/unnamed``, the
    /// kernel chooses an abstract name for a Unix socket.
    mutating func bind(on address: SocketAddress) throws(SocketError) {
        do throws(SocketError) {
            let raw = try address.raw(for: family, .bind, on: descriptor.number)
            localAddress = try call(.bind) { descriptor throws(Errno) in
                try System.bind(descriptor, raw)
                return SocketAddress(try System.getsockname(descriptor))
            }
        } catch {
            throw SocketError(.bind, error.cause, localAddress: address)
        }
        file = UnixSocketFile(boundTo: address)
    }

    /// Starts listening: listen(2).
    ///
    /// The socket becomes nonblocking.
    private mutating func listen(backlog: Int) throws(SocketError) {
        localAddress = try call(.listen) { descriptor throws(Errno) in
            try System.startListening(descriptor, backlog: backlog)
        }
    }

    /// Makes a system call that does not wait.
    func call<Result>(
        _ operation: SocketError.Operation, _ subject: String? = nil,
        _ body: (Int32) throws(Errno) -> Result
    ) throws(SocketError) -> Result {
        do throws(Errno) {
            return try body(descriptor.number)
        } catch {
            throw SocketError(
                operation, .system(error), subject: subject, localAddress: localAddress,
                remoteAddress: remoteAddress)
        }
    }
}

extension System {
    /// Starts listening, makes the descriptor nonblocking, and returns the local address:
    /// listen(2), getsockname(2).
    ///
    /// A blocking accept could hang, because a client that poll reported may disconnect before
    /// accept is called, or another thread may accept it. accept has no flag that prevents waiting.
    static func startListening(_ descriptor: Int32, backlog: Int) throws(Errno) -> SocketAddress {
        try listen(descriptor, Int32(clamping: max(0, backlog)))
        try setBlocking(descriptor, false)
        return SocketAddress(try getsockname(descriptor))
    }
}

extension SocketAddress {
    /// A Boolean value that indicates whether a socket bound to this address may receive datagrams
    /// for several local addresses.
    ///
    /// A socket bound to a group receives datagrams to the group, but it cannot send from the
    /// group's address.
    var isOneOfMany: Bool { ip.map { $0.isUnspecified || $0.isMulticast } ?? false }

    /// Returns the address in the kernel's form for a socket of `socketFamily`.
    ///
    /// For bind(2) on a Unix socket, ``unnamed`` makes the kernel choose an abstract name.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if a socket of that family cannot use the
    ///   address.
    func raw(
        for socketFamily: AddressFamily, _ operation: SocketError.Operation, on descriptor: Int32
    ) throws(SocketError) -> RawSocketAddress {
        if let family, family != socketFamily, unmapped.family != socketFamily,
            socketFamily != .ipv6 || family != .ipv4
        {
            throw SocketError(
                operation,
                .invalidInput(
                    "the address has the family \(family),"
                        + " but the socket has \(socketFamily)"),
                remoteAddress: self)
        }
        if self == .unnamed, operation == .bind, socketFamily == .unix {
            return RawSocketAddress(.unix([]))
        }
        do throws(Errno) {
            return try raw(for: socketFamily, on: descriptor)
        } catch {
            throw SocketError(operation, .system(error), remoteAddress: self)
        }
    }
}

extension SocketAddress {
    /// Returns the unspecified address of `family` with the same port if this address is
    /// unspecified, and otherwise this address.
    fileprivate func adapted(to family: AddressFamily) -> SocketAddress {
        switch (unmapped, family) {
        case (.ipv6(.any, let port), .ipv4): .ipv4(.any, port: port)
        case (.ipv4(.any, let port), .ipv6): .ipv6(.any, port: port)
        default: unmapped
        }
    }
}
