import Testing

@testable import Sockets

@Suite("ProxyHop", .ownThread)
struct ProxyHopTests {
    private static let endpoint = Endpoint.tcp("proxy.example", port: 1080)

    private func request(_ proxy: Proxy, to target: Endpoint) throws -> [UInt8]? {
        var dialogue = try proxy.hops(to: target)[0].dialogue(until: Deadline(startingNow: .never))
        return dialogue.takeRequest()
    }

    private func reason(_ proxy: Proxy, to target: Endpoint) throws -> SocketError.Cause {
        try #require(throws: SocketError.self) { try request(proxy, to: target) }.cause
    }

    @Test("a service name is looked up before the request")
    func service() throws {
        #expect(
            try request(.socks4a(Self.endpoint), to: .tcp("192.0.2.7", port: "http"))
                == [4, 1, 0, 80, 192, 0, 2, 7, 0])
        #expect(
            try reason(.socks5(Self.endpoint), to: .tcp("a.example", port: "no-such-service"))
                == .unknownService("no-such-service", transport: .tcp))
    }

    @Test("an IPv4-mapped address is requested as IPv4")
    func mapped() throws {
        #expect(
            try request(.socks4a(Self.endpoint), to: .tcp("::ffff:192.0.2.7", port: 80))
                == [4, 1, 0, 80, 192, 0, 2, 7, 0])
    }

    @Test("HTTP writes an IPv6 address in brackets")
    func brackets() throws {
        let request = try #require(
            try request(.httpConnect(Self.endpoint), to: .tcp("2001:db8::1", port: 443)))
        #expect(
            String(decoding: request, as: UTF8.self)
                == "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n")
    }

    @Test("a proxy rejects a target that it cannot reach, before any packet")
    func unreachable() throws {
        #expect(
            try reason(.socks4a(Self.endpoint), to: .tcp("::1", port: 80))
                == .invalidInput("SOCKS4 can connect only to IPv4 addresses"))
        for proxy: Proxy in [.socks4(Self.endpoint), .socks4a(Self.endpoint)] {
            #expect(
                try reason(proxy, to: .tcp("0.0.0.255", port: 80))
                    == .invalidInput("SOCKS4 cannot connect to 0.0.0.1 to 0.0.0.255"))
        }
        #expect(try request(.socks4a(Self.endpoint), to: .tcp("0.0.1.0", port: 80)) != nil)
        #expect(
            try reason(.socks5(Self.endpoint), to: .tcp("fe80::1%lo", port: 80))
                == .invalidInput("the zone of an address is known only on this machine"))
        #expect(
            try reason(.socks5(Self.endpoint), to: .tcp(port: 80))
                == .invalidInput("an endpoint without a host is on this machine"))
        guard case .invalidInput = try reason(.socks5(Self.endpoint), to: .tcp("a b", port: 80))
        else {
            Issue.record("a host with a space")
            return
        }
    }

    @Test("a proxy rejects credentials that its protocol cannot transfer")
    func credentials() throws {
        let target = Endpoint.tcp("db.example", port: 1)
        let long = String(repeating: "x", count: 256)
        for proxy: Proxy in [
            .socks5(Self.endpoint, user: ""), .socks5(Self.endpoint, user: long),
            .socks5(Self.endpoint, user: "a", password: long), .socks4a(Self.endpoint, user: "a\0"),
            .socks4(Self.endpoint, user: "a\0"), .httpConnect(Self.endpoint, user: "a:b"),
            .httpConnect(Self.endpoint, user: "a", password: "b\r\nX: y"),
        ] {
            guard case .invalidInput = try reason(proxy, to: target) else {
                Issue.record("\(proxy)")
                return
            }
        }
        #expect(try request(.socks5(Self.endpoint, user: "a"), to: target) == [5, 2, 0, 2])
    }

    @Test("only host names for SOCKS4, service names and international names may block")
    func blocking() throws {
        func mayBlock(_ proxy: Proxy, _ target: Endpoint) throws -> Bool {
            try proxy.hops(to: target)[0].mayBlock
        }
        #expect(try !mayBlock(.socks5(Self.endpoint), .tcp("a.example", port: 1)))
        #expect(try !mayBlock(.socks4(Self.endpoint), .tcp("192.0.2.7", port: 1)))
        #expect(try mayBlock(.socks4(Self.endpoint), .tcp("a.example", port: 1)))
        #expect(try mayBlock(.socks5(Self.endpoint), .tcp("a.example", port: "http")))
        #expect(try mayBlock(.socks5(Self.endpoint), .tcp("münchen.example", port: 1)))
    }
}
