import Sockets

/// A trace of connecting, which prints each step like the tutorial's `connect.py`.
///
/// It tries one address after the other, so that the result of each is visible. `Socket(to:)` is
/// faster because it tries them concurrently.
struct ConnectTrace {
    let endpoint: Endpoint
    /// The interface through which to send to a multicast group of IPv4; nil if none was named.
    let interface: String?
    let family: AddressFamily?
    let isNumeric: Bool
    let timeout: Duration
    /// How to use TLS; nil for a plain connection.
    let tls: TLSFlags?
    /// A Boolean value that indicates whether to print each step on standard output.
    let printsSteps: Bool

    private(set) var attempts: [Attempt] = []
    private(set) var port: UInt16 = 0
    private(set) var ends: (local: SocketAddress, remote: SocketAddress)?
    private(set) var tlsReport: TLSReport?

    /// An attempt to connect to one address, with the cause of its failure.
    struct Attempt {
        let address: SocketAddress
        let cause: SocketError.Cause?
        let duration: Duration
        /// The library's advice about the failure.
        var hint: String?
    }

    init(
        endpoint: Endpoint, interface: String? = nil, family: AddressFamily?, isNumeric: Bool,
        timeout: Duration, tls: TLSFlags? = nil, printsSteps: Bool
    ) {
        self.endpoint = endpoint
        self.interface = interface
        self.family = family
        self.isNumeric = isNumeric
        self.timeout = timeout
        self.tls = tls
        self.printsSteps = printsSteps
    }

    private var type: SocketType { endpoint.isDatagram ? .datagram : .stream }

    mutating func run() throws {
        let client = try tls?.client(for: endpoint, notingFaults: true)
        var first: Socket? = try step("Creating socket...", { _ in "done" }) {
            try Socket(likelyFamily, type)
        }
        let addresses = try lookUpAddresses()
        for address in addresses {
            let socket =
                try first.take(ifOf: address.family) ?? Socket(address.family ?? .ipv4, type)
            let attempt = try step(
                "Connecting to \(address.ipText) on port \(port)...",
                { "\(Self.outcome(of: $0.cause)) (\($0.duration.brief))" }
            ) {
                connect(socket, address)
            }
            attempts.append(attempt)
            if attempt.cause == nil {
                try printEnds(of: socket)
                if let tls, let client { try startTLS(tls, client, on: socket) }
                return
            }
        }
        throw SocketError(
            .connect, attempts.last?.cause ?? .system(.connectionRefused), endpoint: endpoint,
            remoteAddress: addresses.last,
            attempts: attempts.compactMap { attempt in
                attempt.cause.map {
                    .init(address: attempt.address, cause: $0, duration: attempt.duration)
                }
            }, hint: attempts.last?.hint)
    }

    /// The family of the socket that is created before the lookup, which may find another family.
    private var likelyFamily: AddressFamily {
        if let family { return family }
        guard case .v6? = endpoint.host.flatMap({ IPAddress($0) }) else { return .ipv4 }
        return .ipv6
    }

    /// Looks up the port of the service as a separate step, and returns the addresses of the host.
    private mutating func lookUpAddresses() throws -> [SocketAddress] {
        if let number = endpoint.port?.number {
            port = number
        } else {
            let name = endpoint.port?.service ?? ""
            let transport: Transport = endpoint.transport == .udp ? .udp : .tcp
            port = try step(
                "Looking up port number (getservbyname)...",
                { "\(name)/\(transport) = \($0)" }
            ) {
                try Services.port(named: name, transport: transport)
            }
        }
        let host = endpoint.host ?? ""
        let resolved: Endpoint =
            endpoint.transport == .udp
            ? .udp(host, port: Port(port)) : .tcp(host, port: Port(port))
        return try Resolver.resolve(
            resolved, family: family, numericOnly: isNumeric, timeout: TimeLimit(timeout))
    }

    private func connect(_ socket: Socket, _ address: SocketAddress) -> Attempt {
        let start = ContinuousClock.now
        var failure: SocketError?
        do throws(SocketError) {
            // The interface selects the source address, so set it before connecting.
            if let interface { try socket.setMulticastInterface(interface) }
            try socket.connect(to: address, timeout: TimeLimit(timeout))
        } catch {
            failure = error
        }
        return Attempt(
            address: address, cause: failure?.cause, duration: start.duration(to: .now),
            hint: failure?.hint)
    }

    /// Returns the result of an attempt in a few words.
    static func outcome(of cause: SocketError.Cause?) -> String {
        switch cause {
        case nil: "done"
        case .system(.connectionRefused)?: "refused"
        case .timedOut?: "no answer"
        case let cause?: "\(cause)"
        }
    }

    /// Prints the addresses of both ends in Python's notation.
    private mutating func printEnds(of socket: Socket) throws {
        ends = (socket.localAddress, socket.remoteAddress)
        guard printsSteps else { return }
        try Console.writeLine("Connected from \(socket.localAddress.pythonText)")
        try Console.writeLine("Connected to   \(socket.remoteAddress.pythonText)")
    }

    /// Starts TLS as a separate step, and prints the certificates and their verification.
    ///
    /// - Throws: The error with which `sock connect` would fail.
    private mutating func startTLS(
        _ tls: TLSFlags, _ client: TLSClient, on socket: Socket
    ) throws {
        defer { socket.close() }
        let name = tls.startTLS.map { "Starting TLS (\($0.command))..." } ?? "Starting TLS..."
        let start = ContinuousClock.now
        try step(name, { "done (\(start.duration(to: .now).brief))" }) {
            try client.start(
                on: socket, limit: timeout, TimeLimit(timeout).deadline())
        }
        guard let information = socket.tls else { return }
        let serverName = tls.serverName ?? endpoint.host ?? ""
        let report = TLSReport(information, serverName: serverName, pin: tls.pin)
        tlsReport = report
        if printsSteps { for line in report.lines { try Console.writeMessage(line) } }
        for check in report.checks {
            _ = try step("Checking \(check.title)...", { $0 ?? "done" }) { check.failure }
        }
        if !tls.acceptsAnyIssuer, let fault = information.faults.first {
            throw SocketError(.startTLS, .tls(fault), endpoint: endpoint)
        }
        guard let failure = report.pinFailure else { return }
        throw SocketError(.startTLS, .tls(failure), endpoint: endpoint)
    }

    /// Prints the name of a step when it begins, and its result in a second column when it ends.
    private func step<Result>(
        _ name: String, _ outcome: (Result) -> String, _ body: () throws -> Result
    ) throws -> Result {
        guard printsSteps else { return try body() }
        let padding = String(repeating: " ", count: max(1, 44 - name.count))
        try Console.write(TerminalText.escaped(name) + padding)
        do {
            let result = try body()
            try Console.writeMessage(outcome(result))
            return result
        } catch {
            try Console.writeLine("failed")
            throw error
        }
    }
}

extension ConnectTrace {
    /// A JSON object with all attempts, the addresses of both ends and, if TLS is used, its
    /// results.
    var json: JSON {
        var members: [(String, JSON)] = [
            ("host", .string(endpoint.host ?? "")),
            ("service", .optional(endpoint.port?.service)),
            ("port", .number(Int(port))),
            ("transport", .string("\(endpoint.transport)")),
            ("attempts", .array(attempts.map(\.json))),
            ("local", ends.map { $0.local.json } ?? .null),
            ("remote", ends.map { $0.remote.json } ?? .null),
        ]
        if tls != nil { members.append(("tls", tlsReport?.json ?? .null)) }
        return .object(members)
    }
}

extension ConnectTrace.Attempt {
    fileprivate var json: JSON {
        let (seconds, attoseconds) = duration.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        return .object([
            ("address", .string(address.ipText)),
            ("port", .number(Int(address.port ?? 0))),
            ("outcome", .string(ConnectTrace.outcome(of: cause))),
            ("milliseconds", .decimal(Double(microseconds) / 1000)),
        ])
    }
}

extension SocketAddress {
    /// The address in Python's notation, such as `('127.0.0.1', 41980)`.
    fileprivate var pythonText: String {
        "('\(ipText)', \(port ?? 0))"
    }

    fileprivate var json: JSON {
        .object([
            ("address", .string(ipText)), ("port", .number(Int(port ?? 0))),
        ])
    }
}

extension Optional<Socket> {
    /// Removes and returns the socket that was created before the lookup, if it has this family.
    fileprivate mutating func take(ifOf family: AddressFamily?) -> Socket? {
        self?.family == family ? take() : nil
    }
}
