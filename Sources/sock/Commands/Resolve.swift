import Sockets

/// The command `sock resolve NAME`, which prints what getaddrinfo(3) returns for a name, and what
/// getnameinfo(3) returns for its addresses.
struct Resolve: Command {
    static let usage = ["sock resolve NAME [SERVICE]"]
    static let summary = "addresses, canonical name, reverse names"
    static let details = """
        Prints one line for each address of the name. The line also contains the reverse name of \
        the address if it has one. -w limits all lookups together (10 s).
        """

    private let host: String
    private let port: Port?
    private let family: AddressFamily?
    private let transport: Transport
    private let isNumeric: Bool
    private let timeout: Duration
    private let isJSON: Bool

    init(_ arguments: Arguments) throws(UsageError) {
        try arguments.requireOperands(atMost: 2)
        guard let host = arguments.operands.first, !host.isEmpty else {
            throw UsageError("the name is missing: expected a name such as localhost")
        }
        self.host = try Target.host(host)
        port = try arguments.operands.dropFirst().first.map(Target.port)
        family = try arguments.family()
        transport = arguments.has(.udp) ? .udp : .tcp
        isNumeric = arguments.has(.numeric)
        timeout = try arguments.timeout() ?? .seconds(10)
        isJSON = arguments.has(.json)
    }

    func run() throws {
        try Endpoint.tcp(host, port: 0).checkHost(family)
        let end = ContinuousClock.now.advanced(by: timeout)
        let resolution = try Resolver.resolve(
            host: host, service: port, family: family, transport: transport,
            numericOnly: isNumeric, canonicalName: !isNumeric, timeout: TimeLimit(timeout))
        let names = try reverseNames(of: resolution.addresses, until: end)
        let results = resolution.addresses.enumerated().map { ($1, names[$0]) }
        if isJSON {
            for (address, reverse) in results {
                try Console.writeLine(json(resolution, address, reverse))
            }
            return
        }
        let name = resolution.asciiName ?? host
        if let ascii = resolution.asciiName {
            try Console.writeLine("\(host) is \(ascii) in the DNS")
        }
        if let canonical = resolution.canonicalName, isAlias(name, of: canonical) {
            try Console.writeLine("\(name) is an alias of \(canonical)")
        }
        let texts = results.map { address, _ in port == nil ? address.ipText : "\(address)" }
        let width = texts.map(\.count).max() ?? 0
        for (text, (_, reverse)) in zip(texts, results) {
            let padding = String(repeating: " ", count: width - text.count)
            try Console.writeLine(reverse.map { "\(text)\(padding)  \($0)" } ?? text)
        }
    }

    /// Returns the host names of the addresses, keyed by the index of the address.
    ///
    /// Addresses without a name are left out. The lookups run concurrently and share one deadline.
    /// With `-n`, there are no lookups.
    private func reverseNames(
        of addresses: [SocketAddress], until end: ContinuousClock.Instant
    ) throws(Failure) -> [Int: String] {
        guard !isNumeric else { return [:] }
        let named = addresses.enumerated().filter { $1.mayHaveName }
        let state = Monitor((names: [Int: String](), pending: named.count))
        for (index, address) in named {
            try Worker.startOrThrow {
                let name = try? Resolver.name(
                    of: address, nameRequired: true, numericService: true, timeout: .until(end))
                state.update {
                    $0.names[index] = name?.host
                    $0.pending -= 1
                }
            }
        }
        state.wait { $0.pending == 0 }
        return state.update { $0.names }
    }

    /// Returns whether the canonical name differs from the given name in more than case and a final
    /// dot.
    ///
    /// A numeric address is never an alias, because it is its own canonical name.
    private func isAlias(_ name: String, of canonical: String) -> Bool {
        func normalized(_ name: String) -> String {
            let lower = name.lowercased()
            return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
        }
        return IPAddress(name) == nil && normalized(canonical) != normalized(name)
    }

    private func json(
        _ resolution: Resolver.Resolution, _ address: SocketAddress, _ reverse: String?
    ) -> JSON {
        let ascii = resolution.asciiName.map { [("asciiName", JSON.string($0))] } ?? []
        return .object(
            [("name", .string(host))] + ascii + [
                ("canonicalName", .optional(resolution.canonicalName)),
                ("family", .string("\(address.family.map { "\($0)" } ?? "")")),
                ("address", .string(address.ipText)),
                ("port", .number(Int(address.port ?? 0))),
                ("reverseName", .optional(reverse)),
            ])
    }
}

extension SocketAddress {
    /// The IP address without the port; empty for a Unix address.
    var ipText: String { ip.map { "\($0)" } ?? "" }

    /// A Boolean value that indicates whether the DNS may have a name for the address.
    fileprivate var mayHaveName: Bool {
        guard let ip else { return false }
        return !ip.isUnspecified && !ip.isMulticast && !ip.isLinkLocal
    }
}
