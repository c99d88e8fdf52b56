import Foundation
import Sockets
import Testing

/// `sock --tls` as a client.
@Suite(.ownThread, .needsOpenSSL)
struct TLSClientTests {
    private let certificate: TestCertificate

    init() throws {
        certificate = try TestCertificate.shared.get()
    }

    private func run(
        _ peer: Peer, _ flags: String..., input: String = "hello\n"
    ) throws -> SockProgram.Outcome {
        try SockProgram.run(["-N"] + flags + ["localhost", peer.port], input: input)
    }

    /// Returns a server that sends back everything in capitals after the end of its input.
    private func capitals() throws -> Peer {
        try Peer(tlsAfter: { _ in }) { client, _ in
            let text = String(decoding: try client.receiveToEnd(), as: UTF8.self)
            try client.sendAll(text.uppercased())
            client.finish()
        }
    }

    @Test("the reply arrives after the half-close, with --tls and with tls://")
    func exchange() throws {
        let outcome = try run(capitals(), "--tls", "--ca", certificate.certificateFile)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text == "HELLO\n")
        #expect(outcome.errors.isEmpty)
        let url = try SockProgram.run(
            "-N", "--ca", certificate.certificateFile, "tls://localhost:\(capitals().port)",
            input: "hello\n")
        #expect(url.status == 0, "\(url.errors)")
        #expect(url.text == "HELLO\n")
    }

    @Test("sock exits with status 60 and advice if no system issuer has signed the certificate")
    func untrusted() throws {
        let peer = try capitals()
        let outcome = try run(peer, "--tls")
        #expect(outcome.status == 60)
        #expect(
            outcome.errorLines == [
                "sock: cannot start TLS with localhost:\(peer.port): the certificate of localhost is"
                    + " self-signed and not trusted",
                "      If you know its fingerprint, accept it with --pin, or trust it with --ca.",
            ])
        #expect(try run(capitals(), "--tls", "--insecure").text == "HELLO\n")
    }

    @Test("the name of --sni must be in the certificate")
    func names() throws {
        let flags = ["--tls", "--ca", certificate.certificateFile, "--sni"]
        let other = try SockProgram.run(
            flags + ["elsewhere.example", "localhost", try capitals().port])
        #expect(other.status == 60)
        #expect(other.errors.contains("the certificate is not for elsewhere.example; it is for"))
        let same = try SockProgram.run(
            ["-N"] + flags + ["localhost", "127.0.0.1", try capitals().port], input: "hello\n")
        #expect(same.text == "HELLO\n")
    }

    @Test("a matching pin replaces the issuer check, and any other pin exits with status 90")
    func pins() throws {
        let accepted = try run(capitals(), "--tls", "--pin", certificate.pin)
        #expect(accepted.status == 0, "\(accepted.errors)")
        #expect(accepted.text == "HELLO\n")
        let other = "sha256:" + String(repeating: "0", count: 64)
        let refused = try run(capitals(), "--tls", "--insecure", "--pin", other)
        #expect(refused.status == 90)
        #expect(refused.output.isEmpty)
        #expect(refused.errorLines.count == 2)
        #expect(refused.errorLines.first?.contains(certificate.pin) == true)
    }

    @Test("sock exits with 77 if the file of --ca is unusable, and with 58 for --cert and --key")
    func files() throws {
        #expect(try run(capitals(), "--tls", "--ca", "/no/such/file").status == 77)
        #expect(try run(capitals(), "--tls", "--ca", certificate.keyFile).status == 77)
        #expect(try run(capitals(), "--tls", "--cert", "/no/such/file").status == 58)
        let swapped = try run(
            capitals(), "--tls", "--cert", certificate.certificateFile, "--key",
            certificate.certificateFile)
        #expect(swapped.status == 58)
        #expect(swapped.errors.contains("the private key is unreadable"))
    }

    @Test("sock exits with status 35 and shows the server's bytes if the server speaks no TLS")
    func plain() throws {
        let peer = try Peer { client in
            try client.sendAll("220 \u{1B}[2Jhello\r\n")
            _ = try client.receiveToEnd()
        }
        let outcome = try run(peer, "--tls", "--insecure")
        #expect(outcome.status == 35)
        #expect(outcome.errorLines.count == 2)
        #expect(outcome.errors.contains(#"it sent '220 \x1b[2Jhello\x0d\x0a'"#))
        #expect(
            outcome.errorLines.last == "      The server begins in plain text, so use --starttls.")
    }

    @Test("sock exits with status 28 after the limit of -w if the server is silent")
    func silent() throws {
        let peer = try Peer { client in _ = try client.receiveToEnd() }
        let outcome = try run(peer, "--tls", "-w", "300ms")
        #expect(outcome.status == 28)
        #expect(outcome.errors.contains("no answer in 300 ms"))
    }

    @Test("a stream without close_notify exits with status 56 after printing its bytes")
    func truncated() throws {
        let peer = try Peer(tlsAfter: { _ in }) { client, plain in
            try client.sendAll("half of the ans")
            try plain.shutdown(.write)
            _ = try client.receiveToEnd()
        }
        let outcome = try run(peer, "--tls", "--ca", certificate.certificateFile)
        #expect(outcome.status == 56)
        #expect(outcome.text == "half of the ans")
        #expect(outcome.errorLines.count == 2)
    }

    @Test("sock still receives after the end of input, even after empty input")
    func receiving() throws {
        let bytes = [UInt8](repeating: 120, count: 1 << 20)
        for input in ["", "request"] {
            let peer = try Peer(tlsAfter: { _ in }) { client, _ in
                try client.sendAll(bytes)
                if !input.isEmpty { _ = try client.receiveToEnd() }
                try client.sendAll(bytes)
                client.finish()
            }
            let outcome = try SockProgram.run(
                ["--tls", "--ca", certificate.certificateFile, "localhost", peer.port],
                input: input)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output == bytes + bytes)
        }
    }

    @Test("-N sends close_notify after all input, even to a server that reads slowly")
    func slowReader() throws {
        let size = 16 << 20
        let count = Monitor(0)
        let peer = try Peer(tlsAfter: { _ in }) { client, _ in
            // The buffers are full when the input ends, so the end of TLS does not fit at once.
            count.wait(atMost: .milliseconds(500)) { _ in false }
            let received = try client.receiveToEnd().count
            count.update { $0 = received }
            client.finish()
        }
        let outcome = try SockProgram.shell(
            "head -c \(size) /dev/zero | \"$SOCK\" -N -w 20 --tls --ca"
                + " '\(certificate.certificateFile)' localhost \(peer.port)")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(count.update { $0 } == size)
    }

    @Test(
        "the whole input and close_notify arrive even if the buffers are full",
        arguments: ["-N", "--no-shutdown"])
    func fullBuffers(flag: String) throws {
        let path = try temporaryFolder() + "/socket"
        let listener = try Socket(on: .unix(path))
        // The buffers of a Unix socket have a fixed size, which one of the sizes just fills.
        let runs = try stride(from: 160 << 10, through: 200 << 10, by: 4 << 10).map { size in
            let client = try RunningSock(
                flag, "-w", "20", "--tls", "--pin", certificate.pin, "-U", path)
            let server = try listener.accept(timeout: .seconds(20))
            try server.startTLS(.server(certificate.identity))
            client.write(String(repeating: "x", count: size))
            client.endInput()
            return (size, client, server)
        }
        // A step of -w ends during this time.
        #expect(throws: SocketError.self) { try listener.accept(timeout: .milliseconds(600)) }
        for (size, client, server) in runs {
            var bytes: [UInt8] = []
            while bytes.count < size,
                try server.receive(appendingTo: &bytes, timeout: .seconds(5)) > 0
            {}
            #expect(bytes.count == size)
            if flag == "-N" { #expect(try server.receive(timeout: .seconds(5)).isEmpty) }
            server.finish()
            #expect(try client.outcome().status == 0)
        }
    }

    @Test("-v reports the version, the cipher, the protocol and a missing verification")
    func verbose() throws {
        let peer = try Peer(tlsAfter: { _ in }, applicationProtocols: ["h2"]) { client, _ in
            client.finish()
        }
        let outcome = try SockProgram.run(
            "-zv", "--tls", "--insecure", "--alpn", "h2,http/1.1", "localhost", peer.port)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.errors.contains(", with TLS 1.3, TLS_"))
        #expect(outcome.errors.hasSuffix(", h2, not verified\n"))
    }

    @Test("secrets are written only to the file of --key-log")
    func keyLog() throws {
        let path = try temporaryFolder() + "/keys"
        let script = """
            export SSLKEYLOGFILE='\(path)'
            "$SOCK" -z --tls --insecure localhost \(try capitals().port) && test ! -e '\(path)' &&
            "$SOCK" -z --tls --insecure --key-log '\(path)' localhost \(try capitals().port) &&
            grep -c CLIENT_TRAFFIC_SECRET_0 '\(path)' && stat -c %a '\(path)'
            """
        let outcome = try SockProgram.shell(script)
        #expect(outcome.text == "1\n600\n", "\(outcome.errors)")
    }

    @Test("--starttls upgrades an SMTP connection, and refuses bytes after the server's reply")
    func startTLS() throws {
        for injected in ["", "250 injected\r\n"] {
            let peer = try Peer(
                tlsAfter: { client in
                    let stream = SocketStream(client)
                    try client.sendAll("220 mail.example\r\n")
                    _ = try stream.readLine()
                    try client.sendAll("250-mail.example\r\n250 STARTTLS\r\n")
                    _ = try stream.readLine()
                    try client.sendAll("220 go\r\n" + injected)
                }
            ) { client, _ in
                try client.sendAll("250 secret\r\n")
                client.finish()
            }
            let outcome = try run(
                peer, "--starttls", "smtp", "--ca", certificate.certificateFile, input: "")
            #expect(outcome.status == (injected.isEmpty ? 0 : 35), "\(outcome.errors)")
            #expect(outcome.text == (injected.isEmpty ? "250 secret\r\n" : ""))
            #expect(outcome.errors.contains("250 injected") == !injected.isEmpty)
        }
    }
}
