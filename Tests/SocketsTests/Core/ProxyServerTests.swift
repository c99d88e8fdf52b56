import Testing

@testable import Sockets

@Suite("ProxyServer")
struct ProxyServerTests {
    private static let endpoint = Endpoint.tcp("proxy.example", port: 3128)

    private func server(_ text: String) throws -> ProxyServer {
        try ProxyServer(parsing: text, from: nil)
    }

    @Test("a text with a scheme, a user, a host and a port is parsed")
    func complete() throws {
        #expect(
            try server("socks5://alice:pw@proxy.example:3128")
                == ProxyServer(.socks5, Self.endpoint, user: "alice", password: "pw"))
        #expect(
            try server("SOCKS5H://proxy.example:3128/") == ProxyServer(.socks5, Self.endpoint))
        #expect(try server("socks4://proxy.example:3128") == ProxyServer(.socks4, Self.endpoint))
        #expect(
            try server("socks4a://bob@proxy.example:3128?x#y")
                == ProxyServer(.socks4a, Self.endpoint, user: "bob"))
        #expect(try server("http://@proxy.example:3128") == ProxyServer(.http, Self.endpoint))
    }

    @Test("without a scheme and a port, the scheme is http and the port is 1080")
    func defaults() throws {
        #expect(try server("proxy.example:3128") == ProxyServer(.http, Self.endpoint))
        #expect(
            try server("socks5://[::1]") == ProxyServer(.socks5, .tcp("::1", port: 1080)))
        #expect(
            try server("alice:pw@192.0.2.7")
                == ProxyServer(.http, .tcp("192.0.2.7", port: 1080), user: "alice", password: "pw"))
        #expect(try server("unix:80") == ProxyServer(.http, .tcp("unix", port: 80)))
    }

    @Test("a user and a password may contain escapes, colons, slashes and at signs")
    func escapes() throws {
        #expect(
            try server("http://a%40b:p%3A%2f%@proxy.example:3128")
                == ProxyServer(.http, Self.endpoint, user: "a@b", password: "p:/%"))
        #expect(
            try server("http://a:b:c@d/e@proxy.example:3128")
                == ProxyServer(.http, Self.endpoint, user: "a", password: "b:c@d/e"))
        #expect(
            try server("http://%C3%A4:ö@proxy.example:3128")
                == ProxyServer(.http, Self.endpoint, user: "ä", password: "ö"))
    }

    @Test(
        "the error for an invalid text does not contain the user or the password",
        arguments: [
            "gopher://alice:secret@proxy.example", "https://alice:secret@proxy.example",
            "http://alice:secret@proxy.example:99999", "http://alice:secret@", "http://",
            "http://alice:secret@::1", "alice:secret@a b", "socks5://alice:secret@:1080",
            "http://alice:secret@\u{301}x:\u{1B}1", "http://alice:secret%FF@proxy.example",
            "http://alice%C3:secret@proxy.example",
        ])
    func invalid(_ text: String) throws {
        let error = try #require(throws: SocketError.self) {
            try ProxyServer(parsing: text, from: "all_proxy")
        }
        #expect(error.operation == .parse)
        #expect(!"\(error)".contains("secret") && !"\(error)".contains("alice"))
        #expect("\(error)".contains("' of the variable all_proxy: "))
        #expect(!"\(error)".contains("\u{1B}"))
    }

    @Test("Proxy(parsing:) parses the same texts as ProxyServer")
    func proxy() throws {
        #expect(
            try Proxy(parsing: "socks5h://alice:pw@proxy.example:3128")
                == .socks5(Self.endpoint, user: "alice", password: "pw"))
        let error = try #require(throws: SocketError.self) { try Proxy(parsing: "ftp://x") }
        #expect(
            "\(error)" == "cannot parse proxy 'ftp://x': expected http, socks4, socks4a, socks5 or"
                + " socks5h before ://")
    }
}
