import Testing

@testable import Sockets

/// A connect through a proxy: what is exchanged, and the failure if there is one.
struct ProxyCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var target = Endpoint.tcp("db.example", port: 5432)
    let exchanges: [ProxyExchange]
    var failure: ProxyFailure?
    let proxy: @Sendable (Endpoint) -> Proxy

    private init(
        _ name: String, _ exchanges: [ProxyExchange],
        target: Endpoint = .tcp("db.example", port: 5432), failure: ProxyFailure? = nil,
        _ proxy: @escaping @Sendable (Endpoint) -> Proxy
    ) {
        testDescription = name
        self.target = target
        self.exchanges = exchanges
        self.failure = failure
        self.proxy = proxy
    }

    private static let name = Array("db.example".utf8)
    private static let port: [UInt8] = [0x15, 0x38]
    /// The reply of a SOCKS5 proxy that has connected.
    static let connected: [UInt8] = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]

    // MARK: Exchanges

    /// The greeting of a SOCKS5 client without a user, and the choice of no authentication.
    static let greeting = ProxyExchange([5, 1, 0], [5, 0])
    /// The greeting of a SOCKS5 client with a user, and the choice of a password.
    private static let greetingWithUser = ProxyExchange([5, 2, 0, 2], [5, 2])
    private static let password = [1, 5] + Array("alice".utf8) + [2] + Array("pw".utf8)

    /// The request of SOCKS5 for the name, with this reply.
    static func socks5(_ reply: [UInt8]) -> ProxyExchange {
        ProxyExchange([5, 1, 0, 3, 10] + name + port, reply)
    }

    /// The request of SOCKS5 for `two.example:3128`, the second proxy of a chain.
    static let secondProxy = [5, 1, 0, 3, 11] + Array("two.example".utf8) + [0x0C, 0x38]

    /// The request of SOCKS4a for the name, with this reply.
    private static func socks4a(_ reply: [UInt8]) -> ProxyExchange {
        ProxyExchange([4, 1, 0x15, 0x38, 0, 0, 0, 1, 0] + name + [0], reply)
    }

    /// The request CONNECT, with this reply.
    static func http(_ reply: String, credentials: String = "") -> ProxyExchange {
        let place = "db.example:5432"
        return ProxyExchange(
            "CONNECT \(place) HTTP/1.1\r\nHost: \(place)\r\n\(credentials)\r\n", reply)
    }

    // MARK: Successes

    static let successes = [
        ProxyCase(
            "SOCKS5, with an IPv4 address in the reply",
            [greeting, socks5([5, 0, 0, 1, 127, 0, 0, 1, 0, 80])]
        ) { .socks5($0) },
        ProxyCase(
            "SOCKS5, with an IPv6 address in the reply",
            [greeting, socks5([5, 0, 0, 4] + Array(repeating: 1, count: 18))]
        ) { .socks5($0) },
        ProxyCase(
            "SOCKS5, with a name in the reply",
            [greeting, socks5([5, 0, 0, 3, 2, 0x61, 0x62, 0, 80])]
        ) { .socks5($0) },
        ProxyCase(
            "SOCKS5 to an IPv4 address",
            [
                greeting,
                ProxyExchange([5, 1, 0, 1, 192, 0, 2, 7, 0, 80], connected),
            ], target: .tcp("192.0.2.7", port: 80)
        ) { .socks5($0) },
        ProxyCase(
            "SOCKS5 to an IPv6 address",
            [
                greeting,
                ProxyExchange(
                    [5, 1, 0, 4, 0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0xBB],
                    connected),
            ], target: .tcp("2001:db8::1", port: 443)
        ) { .socks5($0) },
        ProxyCase(
            "SOCKS5 with a password",
            [
                greetingWithUser, ProxyExchange(password, [1, 0]),
                socks5(connected),
            ]
        ) { .socks5($0, user: "alice", password: "pw") },
        ProxyCase(
            "SOCKS5 with a password that the proxy does not require",
            [ProxyExchange([5, 2, 0, 2], [5, 0]), socks5(connected)]
        ) { .socks5($0, user: "alice", password: "pw") },
        ProxyCase("SOCKS4a", [socks4a([0, 90, 0, 0, 0, 0, 0, 0])]) { .socks4a($0) },
        ProxyCase(
            "SOCKS4a to an IPv4 address",
            [
                ProxyExchange(
                    [4, 1, 0, 80, 192, 0, 2, 7] + Array("alice\0".utf8),
                    [0, 90, 0, 0, 0, 0, 0, 0])
            ], target: .tcp("192.0.2.7", port: 80)
        ) { .socks4a($0, user: "alice") },
        ProxyCase(
            "SOCKS4, which resolves the name on this machine",
            [ProxyExchange([4, 1, 0, 80, 127, 0, 0, 1, 0], [0, 90, 0, 0, 0, 0, 0, 0])],
            target: .tcp("localhost", port: 80)
        ) { .socks4($0) },
        ProxyCase("HTTP", [http("HTTP/1.1 200 OK\r\n\r\n")]) { .httpConnect($0) },
        ProxyCase(
            "HTTP, with fields and a length that do not apply",
            [http("HTTP/1.0 200 Connection established\r\nContent-Length: 5\r\nVia: x\r\n\r\n")]
        ) { .httpConnect($0) },
        ProxyCase(
            "HTTP, after an interim reply and with lone newlines",
            [http("HTTP/1.1 102 Processing\nX: y\n\nHTTP/1.1 204\n\n")]
        ) { .httpConnect($0) },
        ProxyCase(
            "HTTP with a password",
            [
                http(
                    "HTTP/1.1 200 OK\r\n\r\n",
                    credentials: "Proxy-Authorization: Basic YWxpY2U6cHc=\r\n")
            ]
        ) { .httpConnect($0, user: "alice", password: "pw") },
    ]

    // MARK: Failures

    private static let socks5Failures = (UInt8(1)...9).map { code in
        ProxyCase(
            "SOCKS5 reply \(code)", [greeting, socks5([5, code])], failure: .socks5Reply(code)
        ) { .socks5($0) }
    }

    private static let socks4Failures = (UInt8(91)...93).map { code in
        ProxyCase(
            "SOCKS4 reply \(code)", [socks4a([0, code, 0, 0, 0, 0, 0, 0])],
            failure: .socks4Reply(code)
        ) { .socks4a($0) }
    }

    static let failures = socks5Failures + socks4Failures + otherFailures

    private static let otherFailures = [
        ProxyCase(
            "HTTP status 403", [http("HTTP/1.1 403 Forbidden\r\n")],
            failure: .httpStatus(403, reason: "Forbidden")
        ) { .httpConnect($0) },
        ProxyCase(
            "HTTP status 503", [http("HTTP/1.1 503 \r\n")], failure: .httpStatus(503, reason: "")
        ) { .httpConnect($0) },
        ProxyCase(
            "HTTP status 101", [http("HTTP/1.1 101 Switching Protocols\r\n\r\n")],
            failure: .httpStatus(101, reason: "Switching Protocols")
        ) { .httpConnect($0) },
        ProxyCase(
            "a SOCKS5 proxy that requires a password", [ProxyExchange([5, 1, 0], [5, 0xFF])],
            failure: .authenticationRequired
        ) { .socks5($0) },
        ProxyCase(
            "a SOCKS5 proxy that chooses password authentication without an offer",
            [ProxyExchange([5, 1, 0], [5, 2])], failure: .authenticationRequired
        ) { .socks5($0) },
        ProxyCase(
            "a SOCKS5 proxy that refuses the password",
            [greetingWithUser, ProxyExchange(password, [1, 1])], failure: .authenticationRefused
        ) { .socks5($0, user: "alice", password: "pw") },
        ProxyCase(
            "a SOCKS5 proxy that accepts no offered method",
            [ProxyExchange([5, 2, 0, 2], [5, 0xFF])], failure: .authenticationUnsupported
        ) { .socks5($0, user: "alice", password: "pw") },
        ProxyCase(
            "an HTTP proxy that requires a password",
            [http("HTTP/1.1 407 Denied\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n")],
            failure: .authenticationRequired
        ) { .httpConnect($0) },
        ProxyCase(
            "an HTTP proxy that requires a scheme other than Basic",
            [
                http(
                    "HTTP/1.1 407 Denied\r\nProxy-Authenticate: Negotiate\r\n"
                        + "Proxy-Authenticate: NTLM\r\n\r\n")
            ], failure: .authenticationUnsupported
        ) { .httpConnect($0) },
        ProxyCase(
            "an HTTP proxy that refuses the password",
            [
                http(
                    "HTTP/1.1 407 Denied\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
                    credentials: "Proxy-Authorization: Basic YWxpY2U6cHc=\r\n")
            ], failure: .authenticationRefused
        ) { .httpConnect($0, user: "alice", password: "pw") },
        ProxyCase(
            "an HTTP proxy that refuses the password with status 401",
            [
                http(
                    "HTTP/1.0 401 Unauthorized\r\n",
                    credentials: "Proxy-Authorization: Basic YWxpY2U6cHc=\r\n")
            ], failure: .authenticationRefused
        ) { .httpConnect($0, user: "alice", password: "pw") },
        ProxyCase(
            "a mail server instead of a SOCKS5 proxy",
            [ProxyExchange([5, 1, 0], Array("220 mail\r\n".utf8))],
            failure: .unexpectedReply(Array("220 mail\r\n".utf8))
        ) { .socks5($0) },
        ProxyCase(
            "a mail server instead of an HTTP proxy", [http("220 mail\r\n")],
            failure: .unexpectedReply(Array("220 mail\r\n".utf8))
        ) { .httpConnect($0) },
        ProxyCase(
            "a SOCKS5 proxy that replies with an unknown type of address",
            [greeting, socks5([5, 0, 0, 9])], failure: .unexpectedReply([5, 0, 0, 9])
        ) { .socks5($0) },
        ProxyCase(
            "a SOCKS5 proxy instead of a SOCKS4 proxy", [socks4a([5, 0])],
            failure: .unexpectedReply([5, 0])
        ) { .socks4a($0) },
        ProxyCase(
            "an endless HTTP header",
            [http("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: ProxyReply.limit))],
            failure: .replyTooLong(limit: ProxyReply.limit)
        ) { .httpConnect($0) },
    ]

    /// Proxies that close the connection before the end of their reply.
    static let closings = [
        ProxyCase(
            "SOCKS5, no reply", [ProxyExchange([5, 1, 0], [])], failure: .closed(receivedBytes: 0)
        ) { .socks5($0) },
        ProxyCase(
            "SOCKS5, inside the last reply", [greeting, socks5([5, 0, 0])],
            failure: .closed(receivedBytes: 3)
        ) { .socks5($0) },
        ProxyCase("SOCKS4a", [socks4a([0, 90])], failure: .closed(receivedBytes: 2)) {
            .socks4a($0)
        },
        ProxyCase(
            "HTTP, inside the header", [http("HTTP/1.1 200 OK\r\n")],
            failure: .closed(receivedBytes: 17)
        ) { .httpConnect($0) },
    ]
}
