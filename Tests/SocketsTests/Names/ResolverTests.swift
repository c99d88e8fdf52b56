import Dispatch
import Testing

@testable import Sockets

@Suite("Resolver", .ownThread)
struct ResolverTests {
    @Test("a numeric address resolves to itself with the port of the endpoint")
    func numericAddresses() throws {
        #expect(
            try Resolver.resolve(.tcp("127.0.0.1", port: 80)).map(\.description) == ["127.0.0.1:80"]
        )
        #expect(try Resolver.resolve(.udp("::1", port: 53)).map(\.description) == ["[::1]:53"])
        let mapped = try Resolver.resolve(.tcp("::ffff:1.2.3.4", port: 1))
        #expect(mapped.map(\.description) == ["[::ffff:1.2.3.4]:1"])
    }

    @Test("the zone of a numeric address can be the name or index of an interface")
    func zones() throws {
        let byName = try Resolver.resolve(.tcp("fe80::1%lo", port: 80))
        #expect(byName.map(\.description) == ["[fe80::1%lo]:80"])
        let byIndex = try Resolver.resolve(.tcp("fe80::1%1", port: 80))
        #expect(byIndex.map(\.description) == ["[fe80::1%lo]:80"])
    }

    @Test("the hint of a lookup that timed out says if all lookup threads were busy")
    func allThreadsBusy() throws {
        let threads = LookupThreads(atMost: 1)
        let gate = DispatchSemaphore(value: 0)
        defer { gate.signal() }
        _ = try threads.start {
            gate.wait()
            return {}
        }
        let endpoint = Endpoint.tcp("host.invalid", port: 1)
        let error = #expect(throws: SocketError.self) {
            try Resolver.resolve(
                endpoint, deadline: Deadline(startingNow: .milliseconds(20)), on: threads)
        }
        #expect(error?.cause == .timedOut(limit: .milliseconds(20)))
        #expect(error?.endpoint == endpoint)
        #expect(error?.hint == "All 1 lookup threads still wait for answers.")
    }

    @Test("resolving a zone that names no interface throws ENODEV")
    func unknownZone() throws {
        let error = try #require(throws: SocketError.self) {
            try Resolver.resolve(.tcp("fe80::1%nosuch0", port: 80))
        }
        #expect(error.description == "cannot resolve fe80::1%nosuch0: no such device")
    }

    @Test("an empty host resolves to loopback, or to the unspecified address for bind, IPv6 first")
    func noHost() throws {
        let connecting = try Resolver.resolve(.tcp(port: 80))
        #expect(connecting.map(\.description) == ["[::1]:80", "127.0.0.1:80"])
        let step = try Resolver.resolve(.tcp(port: 80), deadline: Deadline(startingNow: .never))
        #expect(step == connecting)
        let binding = try Resolver.resolve(.tcp(port: 80), forBinding: true)
        #expect(binding.map(\.description) == ["[::]:80", "0.0.0.0:80"])
        let only4 = try Resolver.resolve(.tcp(port: 80), family: .ipv4, forBinding: true)
        #expect(only4.map(\.description) == ["0.0.0.0:80"])
    }

    @Test("a Unix endpoint resolves to the address of its path or abstract name")
    func unixEndpoints() throws {
        #expect(try Resolver.resolve(.unix("/run/a")).map(\.description) == ["/run/a"])
        #expect(
            try Resolver.resolve(.unixDatagram("@a"), family: .unix).map(\.description) == ["@a"])
    }

    @Test("a Unix path of 107 bytes resolves, and a longer path is rejected")
    func unixPathsThatDoNotFit() throws {
        let longest = "/" + String(repeating: "a", count: 106)
        #expect(try Resolver.resolve(.unix(longest)).count == 1)
        let error = try #require(throws: SocketError.self) {
            try Resolver.resolve(.unix(longest + "a"))
        }
        #expect(
            error.description == "cannot resolve '\(longest)a':"
                + " expected a path, or @ and an abstract name, of 1 to 107 bytes without NUL")
    }

    @Test("a family that does not match the endpoint throws `invalidInput`")
    func familiesThatDoNotFit() {
        expectInvalidInput { _ = try Resolver.resolve(.unix("/a"), family: .ipv4) }
        expectInvalidInput { _ = try Resolver.resolve(.tcp("localhost", port: 80), family: .unix) }
        expectInvalidInput { _ = try Resolver.resolve(host: "localhost", transport: .unix) }
        expectInvalidInput { _ = try Resolver.host(named: "localhost", family: .unix) }
    }

    @Test("text that cannot be a host throws `invalidInput`")
    func impossibleHosts() {
        for host in HostileInput.hosts {
            expectInvalidInput { _ = try Resolver.resolve(.tcp(host, port: 80)) }
            expectInvalidInput { _ = try Resolver.host(named: host) }
        }
    }

    @Test("an invalid port throws an error that names the port")
    func impossiblePorts() throws {
        let error = try #require(throws: SocketError.self) {
            try Resolver.resolve(.tcp("127.0.0.1", port: "80x"))
        }
        #expect(error.endpoint == .tcp("127.0.0.1", port: "80x"))
        #expect(
            error.description
                == "cannot parse port '80x': expected 0 to 65535 in digits, or a service name")
    }

    @Test("a numeric address of a family that was not requested throws a `nameResolution` error")
    func theOtherFamily() throws {
        let error = try #require(throws: SocketError.self) {
            try Resolver.resolve(.tcp("127.0.0.1", port: 80), family: .ipv6)
        }
        #expect(error.failure?.isNotFound == true)
        #expect(
            error.description == "cannot resolve 127.0.0.1: the address is IPv4: expected IPv6")
        let bound = #expect(throws: SocketError.self) {
            try Socket(on: .tcp("::", port: 0), options: .init(family: .ipv4))
        }
        #expect(bound?.description == "cannot resolve ::: the address is IPv6: expected IPv4")
    }

    @Test("numericOnly rejects a host name instead of resolving the name")
    func numericOnly() throws {
        let error = try #require(throws: SocketError.self) {
            try Resolver.resolve(.tcp("localhost", port: 80), numericOnly: true)
        }
        #expect(error.description == "cannot resolve localhost: name or service not known")
        #expect(error.endpoint == .tcp("localhost", port: 80))
    }

    @Test("numericHost and numericService return numeric text")
    func numericNames() throws {
        for (text, host) in [("[::1]:80", "::1"), ("127.0.0.1:80", "127.0.0.1")] {
            let address = try #require(SocketAddress(text))
            let name = try Resolver.name(of: address, numericHost: true, numericService: true)
            #expect(name.host == host)
            #expect(name.service == "80")
        }
    }

    @Test("resolving the name of a Unix or unnamed address throws `invalidInput`")
    func addressesWithoutNames() throws {
        expectInvalidInput { _ = try Resolver.name(of: .unnamed) }
        let unix = try #require(SocketAddress("/run/a"))
        expectInvalidInput { _ = try Resolver.name(of: unix) }
    }

    @Test("hostName returns the same name as uname")
    func hostName() throws {
        #expect(try Resolver.hostName() == CLibrary.hostName())
    }

    @Suite("on a private machine", .enabled(if: PrivateMachine.isAvailable, "needs root"))
    struct OnAPrivateMachine {
        private static let files = [
            "hosts": """
            127.0.0.1   localhost
            192.0.2.7   official.example alias.example short
            192.0.2.8   official.example
            192.0.2.7   official.example
            192.0.2.9   redis.1 123456789012
            192.0.2.10  xn--mnchen-3ya.test xn--fsqu00a.xn--0zwm56d
            2001:db8::7 official.example
            2001:db8::9 six.example

            """,
            "services": "daytime 13/tcp\ndaytime 1013/udp\n",
        ]

        private func run<Value: Sendable>(
            asksNameServer: Bool = false, _ body: @escaping @Sendable () throws -> Value
        ) throws -> Value {
            try PrivateMachine.run(
                files: Self.files, asksNameServer: asksNameServer, body)
        }

        private func addresses(
            of endpoint: Endpoint, family: AddressFamily? = nil, timeout: TimeLimit = .never
        ) throws -> [String] {
            try run {
                try Resolver.resolve(endpoint, family: family, timeout: timeout)
                    .map(\.description)
            }
        }

        /// Returns the error of resolving an endpoint.
        private func error(
            of endpoint: Endpoint, family: AddressFamily? = nil, asksNameServer: Bool = false
        ) -> SocketError? {
            #expect(throws: SocketError.self) {
                try run(asksNameServer: asksNameServer) {
                    try Resolver.resolve(endpoint, family: family)
                }
            }
        }

        @Test("a name resolves to the addresses of both families without duplicates")
        func bothFamilies() throws {
            let found = try addresses(of: .tcp("official.example", port: 80))
            #expect(found.sorted() == ["192.0.2.7:80", "192.0.2.8:80", "[2001:db8::7]:80"])
        }

        @Test(
            "host names that Docker assigns, such as redis.1, resolve",
            arguments: ["redis.1", "123456789012"])
        func dockerNames(host: String) throws {
            #expect(try addresses(of: .tcp(host, port: 80)) == ["192.0.2.9:80"])
            let entry = try run { try Resolver.host(named: host).addresses }
            #expect(entry == [.v4(IPv4Address(192, 0, 2, 9))])
        }

        @Test(
            "an international name resolves by its ASCII form",
            arguments: [
                ("münchen.test", "xn--mnchen-3ya.test"), ("MÜNCHEN.test", "xn--mnchen-3ya.test"),
                ("例子.测试", "xn--fsqu00a.xn--0zwm56d"),
            ])
        func internationalNames(host: String, ascii: String) throws {
            let blocking = try run { try Resolver.resolve(host: host, service: 80) }
            #expect(blocking.addresses.map(\.description) == ["192.0.2.10:80"])
            #expect(blocking.asciiName == ascii)
            let inTask = try PrivateMachine.runTask(files: Self.files) { _ in
                try await Resolver.resolve(host: host, service: 80)
            }
            #expect(inTask.asciiName == ascii)
            let entry = try run { try Resolver.host(named: host).addresses }
            #expect(entry == [.v4(IPv4Address(192, 0, 2, 10))])
            #expect(try run { try Resolver.resolve(host: "short").asciiName } == nil)
        }

        @Test("the error of an international name shows both forms")
        func unknownInternationalNames() {
            let error = error(of: .tcp("größe.test", port: 80))
            #expect(
                error?.description
                    == "cannot resolve größe.test (xn--gre-6ka8i.test): name or service not known")
        }

        @Test("a family restricts the result to addresses of that family")
        func oneFamily() throws {
            let endpoint = Endpoint.tcp("official.example", port: 80)
            #expect(try addresses(of: endpoint, family: .ipv6) == ["[2001:db8::7]:80"])
            #expect(
                try addresses(of: endpoint, family: .ipv4) == ["192.0.2.7:80", "192.0.2.8:80"])
        }

        @Test("a name resolves with a time limit")
        func withATimeLimit() throws {
            let found = try addresses(of: .tcp("six.example", port: 80), timeout: .seconds(30))
            #expect(found == ["[2001:db8::9]:80"])
        }

        @Test("canonicalName is the official name if it was requested, and otherwise nil")
        func canonicalNames() throws {
            let withName = try run {
                try Resolver.resolve(host: "alias.example", canonicalName: true)
            }
            #expect(withName.canonicalName == "official.example")
            #expect(withName.addresses.first?.port == 0)
            let withoutName = try run { try Resolver.resolve(host: "alias.example") }
            #expect(withoutName.canonicalName == nil)
        }

        @Test("a service name resolves for the transport of the endpoint")
        func servicesOfTransports() throws {
            #expect(try addresses(of: .tcp("::1", port: "daytime")) == ["[::1]:13"])
            #expect(try addresses(of: .udp("::1", port: "daytime")) == ["[::1]:1013"])
        }

        @Test("an unknown service throws an error with the endpoint and the transport")
        func unknownServices() {
            let endpoint = Endpoint.udp("localhost", port: "nosuch")
            let error = error(of: endpoint)
            #expect(error?.cause == .unknownService("nosuch", transport: .udp))
            #expect(error?.endpoint == endpoint)
            #expect(
                error?.description
                    == "cannot look up service nosuch: there is no such service for udp")
        }

        @Test("resolving an unknown host throws a `nameResolution` error whose isNotFound is true")
        func unknownHosts() {
            let error = error(of: .tcp("nosuch.example", port: 80))
            #expect(
                error?.description == "cannot resolve nosuch.example: name or service not known")
            #expect(error?.failure?.isNotFound == true)
            #expect(error?.failure?.isTemporary == false)
        }

        @Test(
            "an unreachable name server causes a `nameResolution` error whose isTemporary is true")
        func temporaryFailures() {
            let error = error(of: .tcp("nosuch.example", port: 80), asksNameServer: true)
            #expect(error?.failure?.isTemporary == true)
            #expect(error?.failure?.isNotFound == false)
            #expect(
                error?.description
                    == "cannot resolve nosuch.example: temporary failure in name resolution")
        }

        @Test("an address literal of either family triggers no DNS query")
        func literalsTriggerNoQuery() throws {
            let found = try run(asksNameServer: true) {
                try Resolver.resolve(.tcp("192.0.2.1", port: 80)).map(\.description)
            }
            #expect(found == ["192.0.2.1:80"])
            let error = error(of: .tcp("::1", port: 80), family: .ipv4, asksNameServer: true)
            #expect(error?.failure?.isTemporary == false)
        }

        @Test("an address resolves to the names of its host and service")
        func namesOfAddresses() throws {
            let address = try #require(SocketAddress("192.0.2.7:13"))
            let tcp = try run { try Resolver.name(of: address) }
            #expect(tcp == ("official.example", "daytime"))
            let udp = try run { try Resolver.name(of: address, transport: .udp) }
            #expect(udp == ("official.example", "13"))
            let numeric = try run {
                try Resolver.name(of: address, numericService: true, timeout: .seconds(30))
            }
            #expect(numeric == ("official.example", "13"))
        }

        @Test("an address without a name resolves to digits, and throws if a name is required")
        func addressesWithoutNames() throws {
            let address = try #require(SocketAddress("203.0.113.9:13"))
            #expect(try run { try Resolver.name(of: address).host } == "203.0.113.9")
            let error = #expect(throws: SocketError.self) {
                try run { try Resolver.name(of: address, nameRequired: true) }
            }
            #expect(
                error?.description == "cannot resolve 203.0.113.9:13: name or service not known")
        }
    }
}

extension SocketError {
    /// The failure of `getaddrinfo` or `getnameinfo`, if that is the cause.
    fileprivate var failure: NameResolutionFailure? {
        guard case .nameResolution(let failure) = cause else { return nil }
        return failure
    }
}

/// Expects `.invalidInput` with a text of one short line without control characters.
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
