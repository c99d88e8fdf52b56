import Testing

@testable import Sockets

@Suite("Resolver", .ownThread)
struct ResolverTests {
    @Test("a numeric address is its own, with its port")
    func numericAddresses() throws {
        #expect(
            try Resolver.resolve(.tcp("127.0.0.1", port: 80)).map(\.description) == ["127.0.0.1:80"]
        )
        #expect(try Resolver.resolve(.udp("::1", port: 53)).map(\.description) == ["[::1]:53"])
        let mapped = try Resolver.resolve(.tcp("::ffff:1.2.3.4", port: 1))
        #expect(mapped.map(\.description) == ["[::ffff:1.2.3.4]:1"])
    }

    @Test("the zone of a numeric address is an interface's name or index")
    func zones() throws {
        let byName = try Resolver.resolve(.tcp("fe80::1%lo", port: 80))
        #expect(byName.map(\.description) == ["[fe80::1%lo]:80"])
        let byIndex = try Resolver.resolve(.tcp("fe80::1%1", port: 80))
        #expect(byIndex.map(\.description) == ["[fe80::1%1]:80"])
    }

    @Test("a zone that names no interface is an error of the system")
    func unknownZone() throws {
        let error = try #require(throws: SocketError.self) {
            try Resolver.resolve(.tcp("fe80::1%nosuch0", port: 80))
        }
        #expect(error.description == "cannot resolve fe80::1%nosuch0: no such device")
    }

    @Test("no host is this machine when connecting, and every interface when binding, IPv6 first")
    func noHost() throws {
        let connecting = try Resolver.resolve(.tcp(port: 80))
        #expect(connecting.map(\.description) == ["[::1]:80", "127.0.0.1:80"])
        let step = try Resolver.resolve(.tcp(port: 80), deadline: Deadline(startingNow: .never))
        #expect(step == connecting)
        let binding = try Resolver.resolve(.tcp(port: 80), passive: true)
        #expect(binding.map(\.description) == ["[::]:80", "0.0.0.0:80"])
        let only4 = try Resolver.resolve(.tcp(port: 80), family: .ipv4, passive: true)
        #expect(only4.map(\.description) == ["0.0.0.0:80"])
    }

    @Test("a Unix endpoint is its own address")
    func unixEndpoints() throws {
        #expect(try Resolver.resolve(.unix("/run/a")).map(\.description) == ["/run/a"])
        #expect(
            try Resolver.resolve(.unixDatagram("@a"), family: .unix).map(\.description) == ["@a"])
    }

    @Test("a Unix path of 107 bytes fits, and a longer one is refused")
    func unixPathsThatDoNotFit() throws {
        let longest = "/" + String(repeating: "a", count: 106)
        #expect(try Resolver.resolve(.unix(longest)).count == 1)
        let error = try #require(throws: SocketError.self) {
            try Resolver.resolve(.unix(longest + "a"))
        }
        #expect(
            error.description == "cannot resolve '\(longest)a': '\(longest)a' names no Unix socket:"
                + " expected a path, or @ and an abstract name, of 1 to 107 bytes without NUL")
    }

    @Test("a family that does not fit is refused")
    func familiesThatDoNotFit() {
        expectInvalidInput { _ = try Resolver.resolve(.unix("/a"), family: .ipv4) }
        expectInvalidInput { _ = try Resolver.resolve(.tcp("localhost", port: 80), family: .unix) }
        expectInvalidInput { _ = try Resolver.resolve(host: "localhost", transport: .unix) }
        expectInvalidInput { _ = try Resolver.host(named: "localhost", family: .unix) }
    }

    @Test(
        "text that names no host is refused before anybody is asked")
    func impossibleHosts() {
        for host in HostileInput.hosts {
            expectInvalidInput { _ = try Resolver.resolve(.tcp(host, port: 80)) }
            expectInvalidInput { _ = try Resolver.host(named: host) }
        }
    }

    @Test("a port that is none is refused, word for word")
    func impossiblePorts() throws {
        let error = try #require(throws: SocketError.self) {
            try Resolver.resolve(.tcp("127.0.0.1", port: "80x"))
        }
        #expect(error.endpoint == .tcp("127.0.0.1", port: "80x"))
        #expect(
            error.description
                == "'80x' is not a port: expected 0 to 65535 in digits, or a service name")
    }

    @Test("a numeric address of the other family is a failure of name resolution")
    func theOtherFamily() throws {
        let error = try #require(throws: SocketError.self) {
            try Resolver.resolve(.tcp("127.0.0.1", port: 80), family: .ipv6)
        }
        #expect(error.failure?.isNotFound == true)
        #expect(
            error.description == "cannot resolve 127.0.0.1:"
                + " address family for hostname not supported")
    }

    @Test("when only numbers are wanted a name is refused at once")
    func numericOnly() throws {
        let error = try #require(throws: SocketError.self) {
            try Resolver.resolve(.tcp("localhost", port: 80), numericOnly: true)
        }
        #expect(error.description == "cannot resolve localhost: name or service not known")
        #expect(error.endpoint == .tcp("localhost", port: 80))
    }

    @Test("a numeric address is shown in digits when names are not wanted")
    func numericNames() throws {
        for (text, host) in [("[::1]:80", "::1"), ("127.0.0.1:80", "127.0.0.1")] {
            let address = try #require(SocketAddress(text))
            let name = try Resolver.name(of: address, numericHost: true, numericService: true)
            #expect(name.host == host)
            #expect(name.service == "80")
        }
    }

    @Test("Unix addresses and no address have no names")
    func addressesWithoutNames() throws {
        expectInvalidInput { _ = try Resolver.name(of: .unnamed) }
        let unix = try #require(SocketAddress("/run/a"))
        expectInvalidInput { _ = try Resolver.name(of: unix) }
    }

    @Test("this machine has a name")
    func hostName() throws {
        #expect(try Resolver.hostName() == CText.hostName())
    }

    @Suite("on a machine of our own", .enabled(if: PrivateMachine.isAvailable, "needs root"))
    struct OnAMachineOfOurOwn {
        private static let files = [
            "hosts": """
            127.0.0.1   localhost
            192.0.2.7   official.example alias.example short
            192.0.2.8   official.example
            192.0.2.7   official.example
            2001:db8::7 official.example
            2001:db8::9 six.example

            """,
            "services": "daytime 13/tcp\ndaytime 1013/udp\n",
        ]

        private func ask<Answer: Sendable>(
            asksNameServer: Bool = false, _ question: @escaping @Sendable () throws -> Answer
        ) throws -> Answer {
            try PrivateMachine.run(
                files: Self.files, asksNameServer: asksNameServer, question)
        }

        private func addresses(
            of endpoint: Endpoint, family: AddressFamily? = nil, timeout: TimeLimit = .never
        ) throws -> [String] {
            try ask {
                try Resolver.resolve(endpoint, family: family, timeout: timeout)
                    .map(\.description)
            }
        }

        /// What keeps an endpoint from being resolved.
        private func error(
            of endpoint: Endpoint, family: AddressFamily? = nil, asksNameServer: Bool = false
        ) -> SocketError? {
            #expect(throws: SocketError.self) {
                try ask(asksNameServer: asksNameServer) {
                    try Resolver.resolve(endpoint, family: family)
                }
            }
        }

        @Test("a name has the addresses of both families, each once")
        func bothFamilies() throws {
            let found = try addresses(of: .tcp("official.example", port: 80))
            #expect(found.sorted() == ["192.0.2.7:80", "192.0.2.8:80", "[2001:db8::7]:80"])
        }

        @Test("a wanted family leaves the other out")
        func oneFamily() throws {
            let endpoint = Endpoint.tcp("official.example", port: 80)
            #expect(try addresses(of: endpoint, family: .ipv6) == ["[2001:db8::7]:80"])
            #expect(
                try addresses(of: endpoint, family: .ipv4) == ["192.0.2.7:80", "192.0.2.8:80"])
        }

        @Test("with a time limit the answer is the same")
        func withATimeLimit() throws {
            let found = try addresses(of: .tcp("six.example", port: 80), timeout: .seconds(30))
            #expect(found == ["[2001:db8::9]:80"])
        }

        @Test("the official name comes when it is asked for")
        func canonicalNames() throws {
            let asked = try ask {
                try Resolver.resolve(host: "alias.example", canonicalName: true)
            }
            #expect(asked.canonicalName == "official.example")
            #expect(asked.addresses.first?.port == 0)
            let notAsked = try ask { try Resolver.resolve(host: "alias.example") }
            #expect(notAsked.canonicalName == nil)
        }

        @Test("a service's name is looked up for the endpoint's transport")
        func servicesOfTransports() throws {
            #expect(try addresses(of: .tcp("::1", port: "daytime")) == ["[::1]:13"])
            #expect(try addresses(of: .udp("::1", port: "daytime")) == ["[::1]:1013"])
        }

        @Test("an unknown service of an endpoint is told as such, with the endpoint")
        func unknownServices() {
            let endpoint = Endpoint.udp("localhost", port: "nosuch")
            let error = error(of: endpoint)
            #expect(error?.cause == .unknownService("nosuch", transport: .udp))
            #expect(error?.endpoint == endpoint)
            #expect(
                error?.description
                    == "cannot look up service nosuch: there is no such service for udp")
        }

        @Test("an unknown host is not found, word for word")
        func unknownHosts() {
            let error = error(of: .tcp("nosuch.example", port: 80))
            #expect(
                error?.description == "cannot resolve nosuch.example: name or service not known")
            #expect(error?.failure?.isNotFound == true)
            #expect(error?.failure?.isTemporary == false)
        }

        @Test("a name server that does not answer is a temporary failure")
        func temporaryFailures() {
            let error = error(of: .tcp("nosuch.example", port: 80), asksNameServer: true)
            #expect(error?.failure?.isTemporary == true)
            #expect(error?.failure?.isNotFound == false)
            #expect(
                error?.description
                    == "cannot resolve nosuch.example: temporary failure in name resolution")
        }

        @Test("a numeric address asks no name server, not even one of the wrong family")
        func numericAddressesAskNobody() throws {
            let found = try ask(asksNameServer: true) {
                try Resolver.resolve(.tcp("192.0.2.1", port: 80)).map(\.description)
            }
            #expect(found == ["192.0.2.1:80"])
            let error = error(of: .tcp("::1", port: 80), family: .ipv4, asksNameServer: true)
            #expect(error?.failure?.isTemporary == false)
        }

        @Test("an address has the names of its host and its service")
        func namesOfAddresses() throws {
            let address = try #require(SocketAddress("192.0.2.7:13"))
            let tcp = try ask { try Resolver.name(of: address) }
            #expect(tcp == ("official.example", "daytime"))
            let udp = try ask { try Resolver.name(of: address, transport: .udp) }
            #expect(udp == ("official.example", "13"))
            let numeric = try ask {
                try Resolver.name(of: address, numericService: true, timeout: .seconds(30))
            }
            #expect(numeric == ("official.example", "13"))
        }

        @Test("an address without a name is given in digits, or refused where a name is required")
        func addressesWithoutNames() throws {
            let address = try #require(SocketAddress("203.0.113.9:13"))
            #expect(try ask { try Resolver.name(of: address).host } == "203.0.113.9")
            let error = #expect(throws: SocketError.self) {
                try ask { try Resolver.name(of: address, nameRequired: true) }
            }
            #expect(
                error?.description == "cannot resolve 203.0.113.9:13: name or service not known")
        }
    }
}

extension SocketError {
    /// What `getaddrinfo` or `getnameinfo` said, where that is the cause.
    fileprivate var failure: NameResolutionFailure? {
        guard case .nameResolution(let failure) = cause else { return nil }
        return failure
    }
}

/// Expects `.invalidInput`, in one line that is safe and not long.
func expectInvalidInput(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
    let error = #expect(throws: SocketError.self, sourceLocation: sourceLocation) { try body() }
    guard let error else { return }
    guard case .invalidInput = error.cause else {
        Issue.record("\(error.cause)", sourceLocation: sourceLocation)
        return
    }
    #expect(
        error.description.unicodeScalars.allSatisfy(TerminalText.isSafe),
        sourceLocation: sourceLocation)
    #expect(error.description.utf8.count < 600, sourceLocation: sourceLocation)
}
