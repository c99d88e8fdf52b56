import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct TLSFlagsTests {
    private func flags(_ words: String..., endpoint: Endpoint = .tcp("h", port: 1)) throws
        -> TLSFlags?
    {
        guard case .run(let arguments) = try Arguments.parse(words) else { return nil }
        return try TLSFlags(arguments, for: endpoint)
    }

    @Test("--tls, --starttls and tls:// request TLS, and a path that looks like tls:// does not")
    func requests() throws {
        #expect(try flags("h", "1") == nil)
        #expect(try flags("--tls", "h", "1") == TLSFlags())
        #expect(try flags("tls://h:1") == TLSFlags())
        #expect(try flags("--starttls", "IMAP", "h", "1") == TLSFlags(startTLS: .imap))
        #expect(try flags("-U", "tls://h:1", endpoint: .unix("tls://h:1")) == nil)
    }

    @Test("each TLS flag sets its value")
    func values() throws {
        let digits = String(repeating: "ab", count: 32)
        let expected = TLSFlags(
            certificateFile: "c", keyFile: "k", isInsecure: true, serverName: "other.example",
            applicationProtocols: ["h2", "http/1.1"], keyLogFile: "l",
            pin: try TLSPin(parsing: "sha256:\(digits)"))
        #expect(
            try flags(
                "--tls", "--cert", "c", "--key=k", "--insecure", "--sni", "other.example",
                "--alpn", "h2,http/1.1", "--key-log", "l", "--pin", "sha256:\(digits)", "h", "1")
                == expected)
        #expect(try flags("--tls", "--ca", "a", "h", "1")?.caFile == "a")
        #expect(try flags("--tls", "--sni", "192.0.2.1", "h", "1")?.serverName == "192.0.2.1")
    }

    @Test(
        "a flag that depends on TLS is refused without TLS",
        arguments: [
            ["--ca", "f"], ["--cert", "f"], ["--key", "f"], ["--insecure"], ["--sni", "n"],
            ["--alpn", "h2"], ["--key-log", "f"], ["--pin", "sha256:0"],
        ])
    func dependent(words: [String]) throws {
        guard case .run(let arguments) = try Arguments.parse(words + ["h", "1"]) else { return }
        #expect(throws: UsageError("\(words[0]) needs --tls")) {
            try TLSFlags(arguments, for: .tcp("h", port: 1))
        }
    }

    @Test(
        "an invalid or contradictory value is a usage error",
        arguments: [
            ["--pin", "sha1:00"], ["--alpn", "h2,"], ["--alpn", ","], ["--sni", "a b"],
            ["--sni", "a:1"], ["--key", "k"], ["--insecure", "--ca", "f"], ["--starttls", "http"],
        ])
    func invalid(words: [String]) {
        #expect(throws: UsageError.self) {
            guard case .run(let arguments) = try Arguments.parse(["--tls"] + words + ["h", "1"])
            else { return }
            _ = try TLSFlags(arguments, for: .tcp("h", port: 1))
        }
    }

    @Test("TLS over datagrams is refused, and a Unix socket needs a name to verify")
    func endpoints() throws {
        #expect(throws: UsageError.self) {
            try flags("-u", "--tls", "h", "1", endpoint: .udp("h", port: 1))
        }
        let unix = Endpoint.unix("/s")
        let tls = try #require(try flags("-U", "--tls", "/s", endpoint: unix))
        #expect(throws: UsageError.self) { try tls.client(for: unix) }
        _ = try TLSFlags(isInsecure: true).client(for: unix)
        _ = try TLSFlags(serverName: "h").client(for: unix)
    }

    @Test(
        "the error of a missing file names the file and has the status of its flag", .needsOpenSSL)
    func missingFiles() {
        let endpoint = Endpoint.tcp("h", port: 1)
        let missing = "/no/such/file"
        for (flags, status) in [
            (TLSFlags(caFile: missing), ExitStatus.caFile),
            (TLSFlags(certificateFile: missing), .ownCertificate),
            (TLSFlags(keyLogFile: missing), .cannotWriteOutput),
        ] {
            let failure = #expect(throws: Failure.self) { try flags.client(for: endpoint) }
            #expect(failure?.status == status)
            #expect(failure?.message.contains(missing) == true)
        }
        #expect(throws: Failure.self) { try TLSFlags(certificateFile: missing).server(on: nil) }
    }

    @Test("a server without --cert announces the fingerprint of a new certificate", .needsOpenSSL)
    func selfSigned() throws {
        for host in [nil, "", "*", "::", "fe80::1%lo", "münchen.example", "127.0.0.1"] {
            let announcement = try TLSFlags().server(on: host).announcement
            let words = announcement.split(separator: " ").map(String.init)
            try #require(words.count == 3)
            #expect(words[0] == "Certificate")
            _ = try TLSPin(parsing: words[1])
            #expect(words[2] == "(self-signed)")
        }
    }
}
