import Testing

@testable import Sockets

@Suite("ProxyFailure: text")
struct ProxyFailureTests {
    @Test(
        "each failure has a readable text",
        arguments: [
            (
                ProxyFailure.socks5Reply(1),
                "the proxy failed without a reason (SOCKS5 reply 1)"
            ),
            (.socks5Reply(2), "the proxy does not allow the connection (SOCKS5 reply 2)"),
            (.socks5Reply(6), "the proxy cannot connect: time to live expired (SOCKS5 reply 6)"),
            (.socks5Reply(240), "the proxy cannot connect (SOCKS5 reply 240)"),
            (
                .socks4Reply(91),
                "the proxy rejected the connection, or cannot connect (SOCKS4 reply 91)"
            ),
            (.socks4Reply(0), "the proxy cannot connect (SOCKS4 reply 0)"),
            (.httpStatus(403, reason: "No\u{1B}"), #"the proxy replied 403 No\x1b"#),
            (.httpStatus(500, reason: ""), "the proxy replied 500"),
            (.authenticationRequired, "the proxy requires a user and a password"),
            (.authenticationRefused, "the proxy refused the user or the password"),
            (
                .authenticationUnsupported,
                "the proxy requires an authentication that is not supported"
            ),
            (.closed(receivedBytes: 0), "the proxy closed the connection without a reply"),
            (
                .closed(receivedBytes: 1),
                "the proxy closed the connection after 1 byte of its reply"
            ),
            (
                .unexpectedReply(Array("220 hi\r\n".utf8)),
                #"the proxy sent '220 hi\x0d\x0a' instead of a reply"#
            ),
            (.replyTooLong(limit: 9), "the proxy sent a reply that is longer than 9 bytes"),
        ] as [(ProxyFailure, String)])
    func text(failure: ProxyFailure, expected: String) {
        #expect(failure.description == expected)
        #expect(SocketError.Cause.proxy(failure).description == expected)
    }
}
