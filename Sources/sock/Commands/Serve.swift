import Sockets

/// The command `sock serve echo PORT`, which runs one of the classic services on TCP and UDP
/// together.
struct Serve: Command {
    static let usage = ["sock serve SERVICE [ADDR] PORT"]
    static let summary = "echo, discard, daytime, time, chargen, sink"
    static let details = """
        Serves one of the classic services on TCP and UDP together. Without ADDR, it listens only on \
        loopback; * means every interface. Port 0 picks a free port and prints it on standard \
        error. Tasks on a few threads serve all clients at the same time. After SIGINT or SIGTERM, \
        clients have 1 s to finish. With --tls, it serves TLS instead of TCP and UDP, and without \
        --cert it prints the fingerprint of a new certificate, which clients check with --pin.
        """
    static let terms = [
        ("echo", "sends back what arrives (RFC 862)"),
        ("discard", "drops what arrives (RFC 863)"),
        ("daytime", "the time of day as text (RFC 867)"),
        ("time", "the seconds since 1900 as 32 bits (RFC 868)"),
        ("chargen", "characters without end (RFC 864)"),
        ("sink", "reads to the end and sends the number of bytes, as 8 bytes little-endian"),
    ]

    private let service: ClassicService
    private let host: String?
    private let port: Port
    private let family: AddressFamily?
    private let threads: Int
    private let tls: TLSFlags?
    private let isVerbose: Bool

    init(_ arguments: Arguments) throws(UsageError) {
        try arguments.requireOperands(atMost: 3)
        let words = arguments.operands
        service = try Self.service(words.first)
        guard words.count > 1, let last = words.last else {
            throw UsageError(
                "the port is missing: expected a port such as 7007, or 0 for a free port")
        }
        host = words.count == 3 ? try Target.host(words[1]) : nil
        port = try Target.port(last)
        family = try arguments.family()
        threads = try arguments[.threads].map(Self.threads) ?? Environment.processorCount
        tls = try TLSFlags(arguments, for: .tcp(host ?? "", port: port))
        isVerbose = arguments.has(.verbose)
    }

    private static func service(_ name: String?) throws(UsageError) -> ClassicService {
        let known = ClassicService.allCases.map(\.rawValue).joined(separator: ", ")
        guard let name else {
            throw UsageError("a service and a port are missing; the services are \(known)")
        }
        guard let service = ClassicService(rawValue: name) else {
            throw UsageError(
                "unknown service \(TerminalText.quoted(name)); expected one of \(known)")
        }
        return service
    }

    private static func threads(_ text: String) throws(UsageError) -> Int {
        guard let number = Decimal.value(of: text.utf8, maximum: 1024), number > 0 else {
            throw UsageError(
                "--threads needs a number from 1 to 1024, not \(TerminalText.quoted(text))")
        }
        return Int(number)
    }

    func run() throws {
        try Endpoint.tcp(host ?? "", port: port).checkHost(family)
        Environment.raiseDescriptorLimit()
        let announces = isVerbose || port.number == 0 || StandardStreams.error.isTerminal
        let tlsServer = try tls?.server(on: host == "*" ? "" : host)
        let sockets = try ServiceSockets.open(
            host: host, port: port, family: family, usesTLS: tls != nil,
            skipped: { if announces { Log.skipped($0, $1) } })
        let server = ServerTask()
        // Prepare for signals first, because a signal may arrive as soon as an address is printed.
        Signals.onTermination(within: .seconds(3)) { server.stop() }
        try server.run(loops: threads) { [service, family, tls, isVerbose] loops in
            let server = try ServiceServer(
                service, sockets, on: loops, tlsServer, isVerbose: isVerbose)
            if let tlsServer {
                Log.announce(tlsServer.announcement, if: announces || tls?.certificateFile == nil)
            }
            let transports = tlsServer == nil ? "tcp and udp" : "tls"
            for address in server.addresses {
                let isForIPv6Only = family == .ipv6 && address.ip == .v6(.any)
                Log.announceListening(
                    on: address,
                    "\(service.rawValue), \(transports)\(isForIPv6Only ? ", IPv6 only" : "")",
                    if: announces)
            }
            try await server.run()
        }
    }
}
