import Testing

@testable import Sockets

@Suite("TLSFailure: text")
struct TLSFailureTests {
    @Test(
        "each failure has a readable text",
        arguments: [
            (
                TLSFailure.expired(subject: "/O=X/CN=a.example", date: "2021-01-02 03:04:05 UTC"),
                "the certificate of a.example expired on 2021-01-02 03:04:05 UTC"
            ),
            (
                .wrongHost(expected: "a.example", names: ["b.example", "192.0.2.7"]),
                "the certificate is not for a.example; it is for b.example, 192.0.2.7"
            ),
            (
                .wrongHost(expected: "a.example", names: []),
                "the certificate is not for a.example; it is for no host"
            ),
            (
                .unknownIssuer(subject: "/CN=a.example", issuer: "/CN=My CA"),
                "the certificate of a.example was issued by My CA, which is not trusted"
            ),
            (
                .wrongHost(expected: "a.example", names: [#"b\xc3\xbc.example"#, #"c\x0a"#]),
                #"the certificate is not for a.example; it is for bü.example, c\x0a"#
            ),
            (
                .pinMismatch(seen: "sha256:0a"),
                "the certificate of the server does not match the pin; its own pin is sha256:0a"
            ),
            (
                .noIdentity(serverName: "a\n", reason: nil),
                #"there is no certificate for 'a\x0a'"#
            ),
            (
                .noIdentity(serverName: nil, reason: "down\n"),
                #"there is no certificate for a client without SNI: down\x0a"#
            ),
            (
                .notTLS(Array("220 hi\r\n".utf8)),
                #"the peer does not speak TLS; it sent '220 hi\x0d\x0a'"#
            ),
            (
                .alert(.unknownAuthority),
                "the peer ended the connection: unknown certificate authority (alert 48)"
            ),
            (.alert(TLSAlert(rawValue: 99)), "the peer ended the connection: alert 99"),
            (
                .unavailable("libssl.so.3: cannot open shared object file"),
                "no TLS library can be loaded (libssl.so.3: cannot open shared object file);"
                    + " install the package openssl"
            ),
            (
                .unavailable("Dynamic loading not supported"),
                "no TLS library can be loaded (Dynamic loading not supported);"
                    + " a static program needs the package trait LinkedOpenSSL"
            ),
        ])
    func text(failure: TLSFailure, expected: String) {
        #expect(failure.description == expected)
    }

    @Test("control characters from a peer are escaped")
    func escapes() {
        let failure = TLSFailure.selfSigned(subject: "/CN=a\u{1B}[2J")
        #expect(!failure.description.contains("\u{1B}"))
    }

    @Test("error patterns match TLS failures")
    func patterns() {
        let error = SocketError(.read, .tls(.truncated))
        #expect(SocketError.tls ~= error as any Error)
        #expect(SocketError.truncated ~= error as any Error)
        #expect(!(SocketError.truncated ~= SocketError(.read, .tls(.keyMismatch)) as any Error))
    }
}
