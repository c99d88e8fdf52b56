import Sockets

/// Connecting as the tutorial's `connect.py` does it: one step after the other, each of them told.
///
/// Not the way to connect fast, which is `Socket(to:)`: here the addresses are tried one
/// by one, so that each can be seen to answer or not.
struct ConnectWalk {
    let endpoint: Endpoint
    let family: AddressFamily?
    let isNumeric: Bool
    let limit: Duration
    /// Write each step to standard output when it is taken.
    let tells: Bool

    private(set) var attempts: [Attempt] = []
    private(set) var port: UInt16 = 0
    private(set) var ends: (local: SocketAddress, remote: SocketAddress)?

    /// One address, and what became of it; without a cause it answered.
    struct Attempt {
        let address: SocketAddress
        let cause: SocketError.Cause?
        let duration: Duration
    }

    init(
        endpoint: Endpoint, family: AddressFamily?, isNumeric: Bool, limit: Duration, tells: Bool
    ) {
        self.endpoint = endpoint
        self.family = family
        self.isNumeric = isNumeric
        self.limit = limit
        self.tells = tells
    }

    private var kind: SocketType { endpoint.isDatagram ? .datagram : .stream }

    mutating func run() throws {
        var spare: Socket? = try step("Creating socket...", { _ in "done" }) {
            try Socket(likelyFamily, kind)
        }
        let addresses = try lookUp()
        for address in addresses {
            let socket =
                try spare.take(ifOf: address.family) ?? Socket(address.family ?? .ipv4, kind)
            let attempt = try step(
                "Connecting to \(address.ip.map { "\($0)" } ?? "") on port \(port)...",
                { "\(Self.outcome(of: $0.cause)) (\($0.duration.brief))" }
            ) {
                connect(socket, address)
            }
            attempts.append(attempt)
            if attempt.cause == nil { return try told(socket) }
        }
        throw SocketError(
            .connect, attempts.last?.cause ?? .system(.connectionRefused), endpoint: endpoint,
            remoteAddress: addresses.last,
            attempts: attempts.compactMap { attempt in
                attempt.cause.map {
                    .init(address: attempt.address, cause: $0, duration: attempt.duration)
                }
            })
    }

    /// The family of the socket that is made before anything has been looked up.
    private var likelyFamily: AddressFamily {
        if let family { return family }
        guard case .v6? = endpoint.host.flatMap({ IPAddress($0) }) else { return .ipv4 }
        return .ipv6
    }

    /// The port of the service, which is a step to tell of, and the addresses of the host.
    private mutating func lookUp() throws -> [SocketAddress] {
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
            resolved, family: family, numericOnly: isNumeric, timeout: TimeLimit(limit))
    }

    private func connect(_ socket: Socket, _ address: SocketAddress) -> Attempt {
        let start = ContinuousClock.now
        var cause: SocketError.Cause?
        do throws(SocketError) {
            try socket.connect(to: address, timeout: TimeLimit(limit))
        } catch {
            cause = error.cause
        }
        return Attempt(address: address, cause: cause, duration: start.duration(to: .now))
    }

    /// One word where one is enough.
    static func outcome(of cause: SocketError.Cause?) -> String {
        switch cause {
        case nil: "done"
        case .system(.connectionRefused)?: "refused"
        case .timedOut?: "no answer"
        case let cause?: "\(cause)"
        }
    }

    /// Both ends, written as Python writes them.
    private mutating func told(_ socket: Socket) throws {
        ends = (socket.localAddress, socket.remoteAddress)
        guard tells else { return }
        try Answer.line("Connected from \(socket.localAddress.pythonText)")
        try Answer.line("Connected to   \(socket.remoteAddress.pythonText)")
    }

    /// Shows a step when it begins, and what came of it, in a column of its own, when it is over.
    private func step<Result>(
        _ name: String, _ outcome: (Result) -> String, _ body: () throws -> Result
    ) throws -> Result {
        guard tells else { return try body() }
        let padding = String(repeating: " ", count: max(1, 44 - name.count))
        try Answer.write(TerminalText.escaped(name) + padding)
        do {
            let result = try body()
            try Answer.line(outcome(result))
            return result
        } catch {
            try Answer.line("failed")
            throw error
        }
    }
}

extension ConnectWalk {
    /// Everything at once, for programs.
    var json: JSON {
        .object([
            ("host", .string(endpoint.host ?? "")),
            ("service", .optional(endpoint.port?.service)),
            ("port", .number(Int(port))),
            ("transport", .string("\(endpoint.transport)")),
            ("attempts", .array(attempts.map(\.json))),
            ("local", ends.map { $0.local.json } ?? .null),
            ("remote", ends.map { $0.remote.json } ?? .null),
        ])
    }
}

extension ConnectWalk.Attempt {
    fileprivate var json: JSON {
        let (seconds, attoseconds) = duration.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        return .object([
            ("address", .string(address.ip.map { "\($0)" } ?? "")),
            ("port", .number(Int(address.port ?? 0))),
            ("outcome", .string(ConnectWalk.outcome(of: cause))),
            ("milliseconds", .decimal(Double(microseconds) / 1000)),
        ])
    }
}

extension SocketAddress {
    /// `('127.0.0.1', 41980)`
    fileprivate var pythonText: String {
        "('\(ip.map { "\($0)" } ?? "")', \(port ?? 0))"
    }

    fileprivate var json: JSON {
        .object([
            ("address", .string(ip.map { "\($0)" } ?? "")), ("port", .number(Int(port ?? 0))),
        ])
    }
}

extension Optional<Socket> {
    /// The socket that was made at the beginning, if it is of the family that is needed now.
    fileprivate mutating func take(ifOf family: AddressFamily?) -> Socket? {
        self?.family == family ? take() : nil
    }
}
