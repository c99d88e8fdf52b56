import Sockets

/// The command `sock info HOST SERVICE`, the tutorial's information client, which reports each step
/// of connecting.
struct Info: Command {
    static let usage = ["sock info HOST SERVICE", "sock info tls://HOST:PORT"]
    static let summary = "connect step by step, and report each step"
    static let details = """
        The tutorial's information client: it creates a socket, looks up the port of the service, \
        tries the host's addresses one after the other, and shows both ends. With --tls or \
        --starttls, it also shows the certificates of the server and checks them step by step.
        """

    private let endpoint: Endpoint
    /// The interface through which to send to a multicast group of IPv4; nil if none was named.
    private let interface: String?
    private let family: AddressFamily?
    private let isNumeric: Bool
    private let timeout: Duration
    private let tls: TLSFlags?
    private let isJSON: Bool

    init(_ arguments: Arguments) throws(UsageError) {
        guard (1...2).contains(arguments.operands.count) else {
            throw UsageError("expected HOST SERVICE, such as: sock info localhost daytime")
        }
        var words = arguments.operands
        interface = MulticastGroup.takeInterface(from: &words)
        endpoint = try Target.toConnect(words, udp: arguments.has(.udp), unix: false)
        guard !endpoint.transport.isUnix else {
            throw UsageError("info needs a host and a service; a Unix socket has neither")
        }
        family = try arguments.family()
        isNumeric = arguments.has(.numeric)
        timeout = try arguments.timeout() ?? .seconds(10)
        tls = try TLSFlags(arguments, for: endpoint)
        isJSON = arguments.has(.json)
    }

    func run() throws {
        try endpoint.checkHost(family, interface: interface)
        var trace = ConnectTrace(
            endpoint: endpoint, interface: interface, family: family, isNumeric: isNumeric,
            timeout: timeout, tls: tls,
            printsSteps: !isJSON)
        do {
            try trace.run()
        } catch {
            // Print the object even if connecting failed, because it lists the failed attempts.
            if isJSON, !trace.attempts.isEmpty { try Console.writeLine(trace.json) }
            throw error
        }
        if isJSON { try Console.writeLine(trace.json) }
    }
}
