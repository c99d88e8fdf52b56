internal import SystemPackage

/// A new socket before a `Socket`, `Connection`, `Listener` or `DatagramChannel` takes it over.
///
/// If none of them does, the descriptor closes itself and a socket file that bind created is removed.
struct OwnedSocket: ~Copyable {
    let descriptor: OwnedDescriptor
    let family: AddressFamily
    let type: SocketType
    /// The addresses as far as they are known.
    var localAddress: SocketAddress?
    var remoteAddress: SocketAddress?
    /// The socket file that bind created.
    private(set) var file: UnixSocketFile?
    /// Whether the kernel's time limits are unchanged.
    ///
    /// A raw option may have set them.
    private(set) var timeoutsAreKnown: Bool

    init(
        _ descriptor: consuming OwnedDescriptor, _ family: AddressFamily, _ type: SocketType,
        local: SocketAddress? = nil, remote: SocketAddress? = nil, file: UnixSocketFile? = nil,
        timeoutsAreKnown: Bool = true
    ) {
        self.descriptor = descriptor
        self.family = family
        self.type = type
        localAddress = local
        remoteAddress = remote
        self.file = file
        self.timeoutsAreKnown = timeoutsAreKnown
    }

    /// Creates an unbound, unconnected socket: socket(2).
    init(_ family: AddressFamily, _ type: SocketType) throws(SocketError) {
        let number: Int32
        do throws(Errno) {
            number = try System.socket(family.domain, type.raw)
        } catch {
            throw SocketError(.createSocket, .system(error))
        }
        self.init(OwnedDescriptor(number), family, type)
    }

    /// Creates two Unix sockets that are connected to each other: socketpair(2).
    static func pair(_ type: SocketType) throws(SocketError) -> Pair {
        do throws(Errno) {
            let (one, other) = try System.socketpair(type.raw)
            return Pair(
                one: OwnedSocket(OwnedDescriptor(one), .unix, type),
                other: OwnedSocket(OwnedDescriptor(other), .unix, type))
        } catch {
            throw SocketError(.createSocket, .system(error))
        }
    }

    /// Two connected sockets.
    ///
    /// A tuple cannot hold noncopyable values.
    struct Pair: ~Copyable {
        let one: OwnedSocket
        let other: OwnedSocket
    }

    /// Creates a socket that is ready to connect to `address`: its options are set, and its local
    /// address is bound.
    static func unconnected(
        for address: SocketAddress, _ type: SocketType, _ options: ConnectOptions
    ) throws(SocketError) -> OwnedSocket {
        var socket = try OwnedSocket(address.family ?? .unix, type)
        try socket.set(options.socketOptions)
        if let local = options.localAddress {
            if type == .stream, socket.family != .unix {
                try socket.set([.set(.reuseAddress, to: true)])
            }
            try socket.bind(on: local)
        }
        return socket
    }

    /// Creates a socket that is bound to the first of an endpoint's addresses that can be bound.
    static func bound(
        toOneOf addresses: [SocketAddress], of endpoint: Endpoint, _ options: ListenOptions
    ) throws(SocketError) -> OwnedSocket {
        let isWildcard = endpoint.host == "" && options.family == nil
        var failure: SocketError?
        for address in addresses {
            do throws(SocketError) {
                return try bound(
                    on: address, endpoint.transport.socketType, isDualStack: isWildcard, options)
            } catch {
                failure = failure ?? error
                // A machine without IPv6 refuses the family, or its wildcard address.
                let lacksIPv6 =
                    error.errno == .addressFamilyNotSupported
                    || error.errno == .addressNotAvailable
                guard !isWildcard || lacksIPv6 else { break }
            }
        }
        throw failure ?? SocketError(.bind, .system(.addressNotAvailable))
    }

    /// Creates a socket that is bound to `address`.
    static func bound(
        on address: SocketAddress, _ type: SocketType, isDualStack: Bool, _ options: ListenOptions
    ) throws(SocketError) -> OwnedSocket {
        var socket = try OwnedSocket(address.family ?? .unix, type)
        let family = socket.family
        var settings: [SocketOptionSetting] = []
        if family == .ipv6 { settings.append(.set(.ipv6Only, to: !isDualStack)) }
        if family != .unix {
            if type == .stream { settings.append(.set(.reuseAddress, to: true)) }
            if options.reusePort || options.sharded { settings.append(.set(.reusePort, to: true)) }
        }
        try socket.set(settings)
        if type == .datagram, address.isOneOfMany {
            // Before bind: the kernel does not say to which address an earlier datagram came, and
            // its reply would leave from another one.
            try socket.call(.bind) { descriptor throws(Errno) in
                try System.enablePacketInfo(descriptor, isIPv6: family == .ipv6)
            }
        }
        try socket.set(options.socketOptions)
        do throws(SocketError) {
            try socket.bind(on: address)
        } catch {
            guard error.errno == .addressInUse, UnixSocketFile.removeStale(address, type: type)
            else { throw error }
            try socket.bind(on: address)
        }
        return socket
    }

    /// Sets options, in order.
    mutating func set(_ settings: [SocketOptionSetting]) throws(SocketError) {
        for setting in settings {
            try call(.setOption, setting.name) { descriptor throws(Errno) in
                try setting.apply(descriptor, family)
            }
            if setting.isRaw { timeoutsAreKnown = false }
        }
    }

    /// Binds an address: bind(2).
    ///
    /// The socket then owns the file of a Unix path.
    mutating func bind(on address: SocketAddress) throws(SocketError) {
        do throws(SocketError) {
            let raw = try address.raw(for: family, .bind)
            localAddress = try call(.bind) { descriptor throws(Errno) in
                try System.bind(descriptor, raw)
                return SocketAddress(try System.getsockname(descriptor))
            }
        } catch {
            throw SocketError(.bind, error.cause, localAddress: address)
        }
        file = UnixSocketFile(boundTo: address)
    }

    /// Listens: listen(2).
    ///
    /// The socket no longer waits by itself.
    mutating func listen(backlog: Int) throws(SocketError) {
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
    /// listen(2) on a descriptor, which no longer waits then, and getsockname(2).
    ///
    /// accept has no flag that says "do not wait". A client that poll has reported may be gone, or
    /// another thread may have accepted it, before accept is called.
    static func startListening(_ descriptor: Int32, backlog: Int) throws(Errno) -> SocketAddress {
        try listen(descriptor, Int32(clamping: max(0, backlog)))
        try setBlocking(descriptor, false)
        return SocketAddress(try getsockname(descriptor))
    }
}

extension SocketAddress {
    /// Whether datagrams that are received here may have been sent to several addresses.
    ///
    /// A socket that is bound to a group receives what is sent to the group, but cannot send from
    /// it.
    var isOneOfMany: Bool { ip.map { $0.isUnspecified || $0.isMulticast } ?? false }

    /// Returns the address as the kernel takes it on a socket of a family.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the address is of another family.
    func raw(
        for socketFamily: AddressFamily, _ operation: SocketError.Operation
    ) throws(SocketError) -> RawSocketAddress {
        if let family, family != socketFamily, socketFamily != .ipv6 || family != .ipv4 {
            throw SocketError(
                operation,
                .invalidInput(
                    "the address is of the family \(family):"
                        + " expected \(socketFamily), the socket's family"),
                remoteAddress: self)
        }
        do throws(Errno) {
            return try raw(for: socketFamily)
        } catch {
            throw SocketError(operation, .system(error), remoteAddress: self)
        }
    }
}
