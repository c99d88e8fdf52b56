import Testing

@testable import Sockets

@Suite("Resolver")
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
        guard case .nameResolution(let failure) = error.cause else {
            Issue.record("\(error.cause)")
            return
        }
        #expect(failure.isNotFound)
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
        let address = try #require(SocketAddress("[::1]:80"))
        let name = try Resolver.name(of: address, numericHost: true, numericService: true)
        #expect(name.host == "::1")
        #expect(name.service == "80")
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

        @Test("a name has the addresses of both families, each once")
        func bothFamilies() throws {
            try PrivateMachine.run(files: Self.files) {
                let addresses = try Resolver.resolve(.tcp("official.example", port: 80))
                #expect(
                    Set(addresses.map(\.description))
                        == ["192.0.2.7:80", "192.0.2.8:80", "[2001:db8::7]:80"])
                #expect(addresses.count == 3)
            }
        }

        @Test("a wanted family leaves the other out")
        func oneFamily() throws {
            try PrivateMachine.run(files: Self.files) {
                let six = try Resolver.resolve(.tcp("official.example", port: 80), family: .ipv6)
                #expect(six.map(\.description) == ["[2001:db8::7]:80"])
                let four = try Resolver.resolve(.tcp("official.example", port: 80), family: .ipv4)
                #expect(four.map(\.description) == ["192.0.2.7:80", "192.0.2.8:80"])
            }
        }

        @Test("the official name comes when it is asked for")
        func canonicalNames() throws {
            try PrivateMachine.run(files: Self.files) {
                let asked = try Resolver.resolve(host: "alias.example", canonicalName: true)
                #expect(asked.canonicalName == "official.example")
                #expect(asked.addresses.first?.port == 0)
                let notAsked = try Resolver.resolve(host: "alias.example")
                #expect(notAsked.canonicalName == nil)
            }
        }

        @Test("a service's name is looked up for the endpoint's transport")
        func servicesOfTransports() throws {
            try PrivateMachine.run(files: Self.files) { () throws in
                #expect(try Resolver.resolve(.tcp("::1", port: "daytime")).first?.port == 13)
                #expect(try Resolver.resolve(.udp("::1", port: "daytime")).first?.port == 1013)
            }
        }

        @Test("an unknown service of an endpoint is told as such, with the endpoint")
        func unknownServices() throws {
            try PrivateMachine.run(files: Self.files) {
                let error = try #require(throws: SocketError.self) {
                    try Resolver.resolve(.udp("localhost", port: "nosuch"))
                }
                #expect(error.cause == .unknownService("nosuch", protocol: "udp"))
                #expect(error.endpoint == .udp("localhost", port: "nosuch"))
                #expect(
                    error.description
                        == "cannot look up service nosuch: there is no such service for udp")
            }
        }

        @Test("an unknown host is not found, word for word")
        func unknownHosts() throws {
            try PrivateMachine.run(files: Self.files) {
                let error = try #require(throws: SocketError.self) {
                    try Resolver.resolve(.tcp("nosuch.example", port: 80))
                }
                #expect(
                    error.description == "cannot resolve nosuch.example: name or service not known")
                guard case .nameResolution(let failure) = error.cause else {
                    Issue.record("\(error.cause)")
                    return
                }
                #expect(failure.isNotFound && !failure.isTemporary)
            }
        }

        @Test("a name server that does not answer is a temporary failure")
        func temporaryFailures() throws {
            try PrivateMachine.run(files: Self.files, asksNameServer: true) {
                let error = try #require(throws: SocketError.self) {
                    try Resolver.resolve(.tcp("nosuch.example", port: 80))
                }
                guard case .nameResolution(let failure) = error.cause else {
                    Issue.record("\(error.cause)")
                    return
                }
                #expect(failure.isTemporary && !failure.isNotFound)
                #expect(
                    error.description
                        == "cannot resolve nosuch.example: temporary failure in name resolution")
            }
        }

        @Test("a numeric address asks no name server")
        func numericAddressesAskNobody() throws {
            try PrivateMachine.run(files: Self.files, asksNameServer: true) {
                #expect(try Resolver.resolve(.tcp("192.0.2.1", port: 80)).count == 1)
                let error = try #require(throws: SocketError.self) {
                    try Resolver.resolve(.tcp("::1", port: 80), family: .ipv4)
                }
                guard case .nameResolution(let failure) = error.cause else {
                    Issue.record("\(error.cause)")
                    return
                }
                #expect(!failure.isTemporary)
            }
        }

        @Test("an address has the names of its host and its service")
        func namesOfAddresses() throws {
            try PrivateMachine.run(files: Self.files) {
                let address = try #require(SocketAddress("192.0.2.7:13"))
                let tcp = try Resolver.name(of: address)
                #expect(tcp.host == "official.example")
                #expect(tcp.service == "daytime")
                let udp = try Resolver.name(of: address, transport: .udp)
                #expect(udp.service == "13")
                let numericService = try Resolver.name(of: address, numericService: true)
                #expect(numericService.host == "official.example")
                #expect(numericService.service == "13")
            }
        }

        @Test("an address without a name is given in digits, or refused where a name is required")
        func addressesWithoutNames() throws {
            try PrivateMachine.run(files: Self.files) {
                let address = try #require(SocketAddress("203.0.113.9:13"))
                #expect(try Resolver.name(of: address).host == "203.0.113.9")
                let error = try #require(throws: SocketError.self) {
                    try Resolver.name(of: address, nameRequired: true)
                }
                #expect(
                    error.description
                        == "cannot resolve 203.0.113.9:13: name or service not known")
            }
        }
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
