import ArgumentParser
import Sockets

/// `sock resolve NAME`: what getaddrinfo makes of it, and what getnameinfo makes of that.
struct Resolve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The addresses of a name, its canonical name, and its addresses' names.",
        usage: "sock resolve [flags] NAME [SERVICE]",
        discussion: """
            One line for each address, with the name it leads back to, if any, behind it.
            """)

    @OptionGroup var addresses: AddressOptions

    @Flag(name: .shortAndLong, help: "Look the service up for UDP instead of TCP.")
    var udp = false

    @Flag(help: "One JSON object for each address.")
    var json = false

    @Argument(help: .hidden)
    var words: [String] = []

    func run() throws {
        let (host, port) = try question()
        let resolution = try Resolver.resolve(
            host: host, service: port, family: try addresses.family(),
            transport: udp ? .udp : .tcp, numericOnly: addresses.numeric,
            canonicalName: !addresses.numeric)
        let answers = resolution.addresses.map { address in
            (address: address, reverse: reverseName(of: address))
        }
        if json {
            for answer in answers {
                try Answer.write(
                    object(host, resolution.canonicalName, answer.address, answer.reverse).text
                        + "\n")
            }
            return
        }
        if let canonical = resolution.canonicalName, isNews(canonical, host) {
            try Answer.line("\(host) is an alias of \(canonical)")
        }
        let shown = answers.map {
            port == nil ? $0.address.ip.map { "\($0)" } ?? "" : "\($0.address)"
        }
        let width = shown.map(\.count).max() ?? 0
        for (text, answer) in zip(shown, answers) {
            let padding = String(repeating: " ", count: width - text.count)
            try Answer.line(answer.reverse.map { "\(text)\(padding)  \($0)" } ?? text)
        }
    }

    private func question() throws(UsageError) -> (host: String, port: Port?) {
        guard let host = words.first, !host.isEmpty else {
            throw UsageError("which name? Give one such as localhost, and a service if you like")
        }
        guard words.count <= 2 else {
            throw UsageError("\(TerminalText.quoted(words[2])) is one word too many")
        }
        return (host, try words.dropFirst().first.map(Target.port))
    }

    /// The name that the address leads back to, if any.
    private func reverseName(of address: SocketAddress) -> String? {
        guard !addresses.numeric else { return nil }
        return try? Resolver.name(of: address, nameRequired: true, numericService: true).host
    }

    /// Letters' case and a final dot make no other name, and an address has none.
    private func isNews(_ canonical: String, _ host: String) -> Bool {
        func plain(_ name: String) -> String {
            let lower = name.lowercased()
            return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
        }
        return IPAddress(host) == nil && plain(canonical) != plain(host)
    }

    private func object(
        _ host: String, _ canonical: String?, _ address: SocketAddress, _ reverse: String?
    ) -> JSON {
        .object([
            ("name", .string(host)),
            ("canonicalName", .optional(canonical)),
            ("family", .string("\(address.family.map { "\($0)" } ?? "")")),
            ("address", .string(address.ip.map { "\($0)" } ?? "")),
            ("port", .number(Int(address.port ?? 0))),
            ("reverseName", .optional(reverse)),
        ])
    }
}
