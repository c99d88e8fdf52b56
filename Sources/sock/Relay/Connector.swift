import Sockets

/// A connector that applies the flags `-4 -6 -n -s -p -w` and the TLS flags.
struct Connector {
    var family: AddressFamily?
    var isNumeric = false
    var source: IPAddress?
    var port: UInt16?
    /// The interface through which to send to a multicast group of IPv4.
    var interface: String?
    var limit: Duration?
    var socketOptions: [SocketOptionSetting] = []
    /// How to use TLS; nil for a plain connection.
    var tls: TLSFlags?

    /// The time limit for connecting if `-w` is not given.
    static let defaultLimit = Duration.seconds(10)

    private var timeout: TimeLimit { TimeLimit(limit ?? Self.defaultLimit) }

    /// Connects a stream socket, tries the addresses of a name concurrently, and starts TLS if the
    /// flags request it.
    func connect(to endpoint: Endpoint) throws -> Socket {
        let client = try tls?.client(for: endpoint)
        let deadline = timeout.deadline()
        let socket = try connectPlain(to: endpoint)
        try client?.start(on: socket, limit: limit ?? Self.defaultLimit, deadline)
        return socket
    }

    private func connectPlain(to endpoint: Endpoint) throws -> Socket {
        if endpoint.transport.isUnix {
            return try Socket(to: endpoint, timeout: timeout)
        }
        try endpoint.checkHost(allowedFamily)
        if isNumeric {
            // With -n, host names are rejected. This call only checks: it throws for a name, and
            // returns an address unchanged.
            _ = try Resolver.resolve(endpoint, family: family, numericOnly: true)
        }
        do throws(SocketError) {
            return try Socket(
                to: endpoint, timeout: timeout,
                options: .init(localAddress: localAddress, family: allowedFamily))
        } catch {
            throw explained(error, .stream)
        }
    }

    /// Connects a datagram socket.
    func connectDatagrams(to endpoint: Endpoint) throws -> FailoverSocket {
        try endpoint.checkHost(allowedFamily, interface: interface)
        let addresses = try Resolver.resolve(
            endpoint, family: allowedFamily, numericOnly: isNumeric, timeout: timeout)
        return try FailoverSocket(addresses) { address in
            if let interface { return try groupSocket(to: address, through: interface) }
            let local = address.family == .unix ? try randomName() : localAddress
            do throws(SocketError) {
                return try Socket(
                    to: address, type: .datagram, timeout: timeout,
                    options: .init(localAddress: local, socketOptions: socketOptions))
            } catch {
                throw explained(error, .datagram)
            }
        }
    }

    /// Returns a socket that sends to a multicast group through an interface.
    ///
    /// The interface must be set before connecting, because it selects the source address.
    private func groupSocket(
        to address: SocketAddress, through interface: String
    ) throws -> Socket {
        let socket = try Socket(.ipv4, .datagram)
        try socket.setMulticastInterface(interface)
        if source != nil || port != nil {
            try socket.bind(on: SocketAddress(source ?? .v4(.any), port: port ?? 0))
        }
        try socket.connect(to: address)
        return socket
    }

    /// The only family that `-4`, `-6` or the address of `-s` allows; nil if both are allowed.
    private var allowedFamily: AddressFamily? {
        source.map { SocketAddress($0, port: 0).family } ?? family
    }

    /// The address of `-s` and the port of `-p`, or nil if the kernel chooses both.
    ///
    /// A port without an address applies to both families.
    private var localAddress: SocketAddress? {
        if let source { return SocketAddress(source, port: port ?? 0) }
        return port.map { SocketAddress(.v6(.any), port: $0) }
    }

    /// Returns a name for a Unix datagram socket, which could not receive replies without a name.
    private func randomName() throws(Failure) -> SocketAddress {
        let number = String(UInt64.random(in: .min ... .max), radix: 36)
        guard let name = UnixAddress(abstract: "sock-\(number)") else {
            throw Failure(.otherFailure, "cannot create a name for this socket")
        }
        return .unix(name)
    }
}

// MARK: Errors about the local side

extension Connector {
    /// Returns the error, or a failure that names the local address or port if that is the cause.
    private func explained(_ error: SocketError, _ type: SocketType) -> any Error {
        switch error.errno {
        case .permissionDenied?, .addressInUse?, .addressNotAvailable?: break
        case .invalidArgument?:
            guard let source, source.isLoopback else { return error }
            return Failure(
                .cannotBind,
                "cannot use -s \(source): a loopback address reaches only this machine",
                hint:
                    "Omit -s, or give the address of another interface; list them with: ip address"
            )
        default: return error
        }
        let remotes = error.remoteAddresses
        if let failure = failureToBind(for: remotes, type) { return failure }
        guard error.errno != .permissionDenied else { return error }
        if let port, port != 0 {
            return Failure(
                .cannotBind, error.firstLine,
                hint: "Another socket uses that local port; use another one with -p.")
        }
        return Failure(
            .unreachable, error.firstLine, hint: Hint.afterMissingLocalAddress(to: remotes))
    }

    /// Binds a socket to the address of `-s` and the port of `-p`, and returns the error, or nil on
    /// success.
    private func failureToBind(for remotes: [SocketAddress], _ type: SocketType) -> (any Error)? {
        guard let localAddress else { return nil }
        // Without -s, bind the port of -p in the family of each remote address.
        let addresses =
            source != nil
            ? [localAddress]
            : remotes.map {
                SocketAddress($0.family == .ipv4 ? .v4(.any) : .v6(.any), port: port ?? 0)
            }
        for address in addresses {
            do throws(SocketError) {
                let socket = try Socket(address.family ?? .ipv4, type)
                if type == .stream { try socket.setOption(.reuseAddress, to: true) }
                try socket.bind(on: address)
            } catch {
                guard error.errno == .addressInUse, port ?? 0 == 0 else { return error }
                return Failure(.unreachable, error.firstLine, hint: Hint.portsExhausted)
            }
        }
        return nil
    }
}

extension Connector {
    init(_ arguments: Arguments, to endpoint: Endpoint) throws(UsageError) {
        if endpoint.transport.isUnix, arguments.has(.port) || arguments.has(.source) {
            throw UsageError(Target.portOfUnix)
        }
        family = try arguments.family()
        isNumeric = arguments.has(.numeric)
        source = try arguments[.source].map { text throws(UsageError) in
            guard let address = IPAddress(text) else {
                throw UsageError("-s needs an IP address, not \(TerminalText.quoted(text))")
            }
            return address
        }
        if let source, let family, SocketAddress(source, port: 0).family != family {
            throw UsageError(
                "-s \(source) and \(family == .ipv4 ? "-4" : "-6") contradict each other")
        }
        if let source, let remote = endpoint.host.flatMap({ IPAddress($0) }),
            source.family != remote.family
        {
            throw UsageError(
                "-s \(source) cannot reach \(remote), because only one of them is an IPv6 address")
        }
        port = try arguments[.port].map { text throws(UsageError) in
            guard let number = try Target.port(text).number else {
                throw UsageError(
                    "-p needs a number from 0 to 65535, not \(TerminalText.quoted(text))")
            }
            return number
        }
        limit = try arguments.timeout()
        tls = try TLSFlags(arguments, for: endpoint)
        if arguments.has(.broadcast) { socketOptions = [.set(.broadcast, to: true)] }
    }
}
