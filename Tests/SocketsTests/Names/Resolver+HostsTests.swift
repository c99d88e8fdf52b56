import Testing

@testable import Sockets

@Suite("Resolver: hosts", .ownThread)
struct ResolverHostsTests {
    @Test("the host entry of a numeric address has the address as its name and no aliases")
    func numericAddresses() throws {
        let four = try Resolver.host(named: "192.0.2.7")
        #expect(four.name == "192.0.2.7")
        #expect(four.aliases == [])
        #expect(four.addresses == [.v4(IPv4Address(192, 0, 2, 7))])
        let six = try Resolver.host(named: "::1", family: .ipv6)
        #expect(six.addresses == [.v6(.loopback)])
    }

    @Test("looking up an IPv6 address as IPv4 throws `noData`")
    func theOtherFamily() throws {
        let error = try #require(throws: SocketError.self) { try Resolver.host(named: "::1") }
        #expect(error.cause == .hostLookup(.noData))
        #expect(
            error.description == "cannot look up host ::1: no address associated with this name")
    }

    @Suite("on a private machine", .enabled(if: PrivateMachine.isAvailable, "needs root"))
    struct OnAPrivateMachine {
        private static let files = [
            "hosts": """
            192.0.2.7   official.example alias.example short
            2001:db8::9 six.example sechs

            """
        ]

        private func run<Value: Sendable>(
            asksNameServer: Bool = false, _ body: @escaping @Sendable () throws -> Value
        ) throws -> Value {
            try PrivateMachine.run(
                files: Self.files, asksNameServer: asksNameServer, body)
        }

        private let official = Resolver.HostEntry(
            name: "official.example", aliases: ["alias.example", "short"],
            addresses: [.v4(IPv4Address(192, 0, 2, 7))])

        @Test("a name or an alias finds the entry with the official name, aliases and addresses")
        func byName() throws {
            #expect(try run { try Resolver.host(named: "official.example") } == official)
            #expect(try run { try Resolver.host(named: "short") } == official)
            let six = try run { try Resolver.host(named: "sechs", family: .ipv6) }
            #expect(six.name == "six.example")
            #expect(six.addresses.map(\.description) == ["2001:db8::9"])
        }

        /// The names of containers, and names that only resemble addresses.
        private static let numberLike = [
            "123456789012", "redis.1", "1.2.3.4.5", "4294967296", "1.2.3.256", "0x7g.1", "1_2",
        ]

        @Test(
            "a number-like name that inet_aton rejects resolves in every lookup call",
            arguments: numberLike)
        func numberLikeNames(name: String) throws {
            let address = IPAddress.v4(IPv4Address(192, 0, 2, 9))
            let files = ["hosts": "192.0.2.9 \(name)\n"]
            let found = try PrivateMachine.run(files: files) {
                [
                    try Resolver.host(named: name).addresses,
                    try Resolver.host(named: name, timeout: .seconds(30)).addresses,
                    try Resolver.resolve(host: name).addresses.compactMap(\.ip),
                    try Resolver.resolve(.udp(name, port: 9)).compactMap(\.ip),
                    try Resolver.resolve(Endpoint(parsing: "\(name):9")).compactMap(\.ip),
                ]
            }
            #expect(found == [[IPAddress]](repeating: [address], count: 5))
            let inTask = try PrivateMachine.runTask(files: files) { _ in
                [
                    try await Resolver.host(named: name).addresses,
                    try await Resolver.resolve(host: name).addresses.compactMap(\.ip),
                ]
            }
            #expect(inTask == [[address], [address]])
        }

        @Test("an alias of digits finds the official name, and an unknown name of digits throws")
        func aliasOfDigits() throws {
            let files = ["hosts": "192.0.2.8 official.example 98765432109876\n"]
            let entry = try PrivateMachine.run(files: files) {
                try Resolver.host(named: "98765432109876")
            }
            #expect(entry.name == "official.example")
            #expect(entry.aliases == ["98765432109876"])
            #expect(entry.addresses == [.v4(IPv4Address(192, 0, 2, 8))])
            let error = #expect(throws: SocketError.self) {
                try PrivateMachine.run(files: files) { try Resolver.host(named: "12345678901234") }
            }
            #expect(error?.cause == .hostLookup(.hostNotFound))
        }

        @Test("a host lookup with a time limit returns the same entry")
        func withATimeLimit() throws {
            let entry = try run { try Resolver.host(named: "short", timeout: .seconds(30)) }
            #expect(entry == official)
        }

        @Test("an address finds the entry with the official name and the aliases")
        func byAddress() throws {
            let address = IPv4Address(192, 0, 2, 7)
            #expect(try run { try Resolver.host(at: .v4(address)) } == official)
            let mapped = IPv6Address(mapping: address)
            #expect(try run { try Resolver.host(at: .v6(mapped)) } == official)
            let six = try #require(IPAddress("2001:db8::9"))
            #expect(try run { try Resolver.host(at: six).aliases } == ["sechs"])
        }

        @Test("a host entry with 5,000 aliases is returned completely")
        func largeEntries() throws {
            let aliases = (0..<5_000).map { "alias-number-\($0).example" }
            let files = [
                "hosts": "192.0.2.7 official.example \(aliases.joined(separator: " "))\n"
            ]
            let byName = try PrivateMachine.run(files: files) {
                try Resolver.host(named: "official.example")
            }
            #expect(byName.aliases == aliases)
            let byAddress = try PrivateMachine.run(files: files) {
                try Resolver.host(at: .v4(IPv4Address(192, 0, 2, 7)))
            }
            #expect(byAddress.aliases == aliases)
        }

        @Test("looking up an unknown host or address throws `hostNotFound`")
        func unknownHosts() {
            let name = #expect(throws: SocketError.self) {
                try run { try Resolver.host(named: "nosuch.example") }
            }
            #expect(name?.cause == .hostLookup(.hostNotFound))
            #expect(name?.description == "cannot look up host nosuch.example: unknown host")
            let address = #expect(throws: SocketError.self) {
                try run { try Resolver.host(at: .v4(IPv4Address(203, 0, 113, 9))) }
            }
            #expect(address?.cause == .hostLookup(.hostNotFound))
            #expect(address?.description == "cannot look up host 203.0.113.9: unknown host")
        }

        @Test("a host lookup throws `tryAgain` if the name server is unreachable")
        func temporaryFailures() {
            let error = #expect(throws: SocketError.self) {
                try run(asksNameServer: true) { try Resolver.host(named: "nosuch.example") }
            }
            #expect(error?.cause == .hostLookup(.tryAgain))
        }
    }
}
