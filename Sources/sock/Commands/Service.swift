import Sockets

/// The command `sock service http tcp`, which prints what getservbyname(3) or getservbyport(3)
/// returns.
struct Service: Command {
    static let usage = ["sock service NAME|PORT [tcp|udp]"]
    static let summary = "getservbyname and getservbyport"
    static let details = """
        Prints the port of a service, or the service of a port. Without a protocol, it looks up \
        both TCP and UDP.
        """

    private let service: Port
    private let transports: [Transport]
    private let isJSON: Bool

    init(_ arguments: Arguments) throws(UsageError) {
        try arguments.requireOperands(atMost: 2)
        guard let first = arguments.operands.first else {
            throw UsageError(
                "the service is missing: expected a name such as http, or a port such as 80")
        }
        service = try Target.port(first)
        let transports: [Transport] = [.tcp, .udp]
        if let name = arguments.operands.dropFirst().first {
            self.transports = transports.filter { $0.description == name }
        } else {
            self.transports = transports
        }
        guard !self.transports.isEmpty else {
            throw UsageError(
                "expected tcp or udp, not \(TerminalText.quoted(arguments.operands[1]))")
        }
        isJSON = arguments.has(.json)
    }

    func run() throws {
        let entries = try entries()
        if isJSON { return try entries.forEach { try Console.writeLine($0.json) } }
        var printed: [String] = []
        for entry in entries {
            let text = service.number == nil ? "\(entry.port)" : entry.name
            if !printed.contains(text) { try Console.writeLine(text) }
            printed.append(text)
        }
    }

    /// Returns the entries of the service for all protocols.
    ///
    /// Throws an error if no protocol has an entry.
    private func entries() throws(SocketError) -> [Services.ServiceEntry] {
        var entries: [Services.ServiceEntry] = []
        var failure: SocketError?
        for transport in transports {
            do throws(SocketError) {
                entries.append(try entry(transport))
            } catch {
                failure = failure ?? error
            }
        }
        if entries.isEmpty, let failure {
            guard transports.count > 1, case .unknownService(let name, _) = failure.cause else {
                throw failure
            }
            throw SocketError(
                failure.operation, .unknownService(name, transport: nil), subject: failure.subject)
        }
        return entries
    }

    private func entry(_ transport: Transport) throws(SocketError) -> Services.ServiceEntry {
        if let number = service.number {
            return try Services.service(onPort: number, transport: transport)
        }
        return try Services.service(named: service.service ?? "", transport: transport)
    }
}

extension Services.ServiceEntry {
    fileprivate var json: JSON {
        .object([
            ("name", .string(name)),
            ("port", .number(Int(port))),
            ("protocol", transport.map { .string("\($0)") } ?? .null),
            ("aliases", .array(aliases.map(JSON.string))),
        ])
    }
}
