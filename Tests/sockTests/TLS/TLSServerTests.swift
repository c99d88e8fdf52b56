import Foundation
import Sockets
import Testing

/// `sock -l --tls`, `sock -lk --tls` and `sock serve --tls`.
@Suite(.ownThread, .needsOpenSSL)
struct TLSServerTests {
    private let certificate: TestCertificate

    init() throws {
        certificate = try TestCertificate.shared.get()
    }

    /// Starts a listener with a new certificate, and returns its port and the value of `--pin`.
    private func start(
        _ flags: String...
    ) throws -> (listener: RunningSock, port: String, pin: String) {
        let listener = try RunningSock(flags + ["127.0.0.1", "0"])
        let port = try listener.port()
        let pin = Monitor("")
        try listener.waitForErrors { text in
            let words = text.split(separator: "\n").first { $0.hasPrefix("Certificate ") }?
                .split(separator: " ").map(String.init)
            pin.update { $0 = words?[1] ?? "" }
            return words?.last == "(self-signed)"
        }
        return (listener, port, pin.update { $0 })
    }

    @Test("sock -l --tls announces its certificate, and a client with its pin exchanges data")
    func one() throws {
        let (listener, port, pin) = try start("-lN", "--tls")
        listener.write("from the listener")
        listener.endInput()
        let client = try SockProgram.run(
            "-N", "--tls", "--pin", pin, "127.0.0.1", port, input: "from the client")
        #expect(client.status == 0, "\(client.errors)")
        #expect(client.text == "from the listener")
        let outcome = try listener.outcome()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.text == "from the client")
    }

    @Test("sock -l --tls presents the certificate of --cert, and announces it if the port is 0")
    func ownCertificate() throws {
        let listener = try RunningSock(
            "-l", "--tls", "--cert", certificate.certificateFile, "--key", certificate.keyFile,
            "127.0.0.1", "0")
        let port = try Sockets.Port(parsing: listener.port())
        let client = try Socket(
            to: .tcp("localhost", port: port),
            tls: .client(trust: TLSTrust(certificateOf: certificate.identity)))
        #expect(client.tls?.peerCertificate == certificate.identity.certificate)
        client.finish()
        listener.endInput()
        let outcome = try listener.outcome()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("Certificate \(certificate.pin)\n"))
    }

    @Test("sock -l exits with status 35 if the client does not speak TLS")
    func plainClient() throws {
        let (listener, port, _) = try start("-l", "--tls")
        let client = try Socket(to: .tcp("127.0.0.1", port: Sockets.Port(parsing: port)))
        try client.sendAll("GET / HTTP/1.1\r\n\r\n")
        let outcome = try listener.outcome()
        #expect(outcome.status == 35)
        #expect(outcome.errors.contains("the peer does not speak TLS; it sent 'GET / HTTP/1.1"))
    }

    @Test("with --ca, sock -l exits with status 60 if the client sends no certificate")
    func clientCertificates() throws {
        for hasCertificate in [true, false] {
            let (listener, port, pin) = try start(
                "-l", "--tls", "--ca", certificate.certificateFile)
            listener.endInput()
            let flags =
                hasCertificate
                ? ["--cert", certificate.certificateFile, "--key", certificate.keyFile] : []
            let client = try SockProgram.run(
                ["-N", "--tls", "--pin", pin] + flags + ["127.0.0.1", port], input: "x")
            let outcome = try listener.outcome()
            #expect(outcome.status == (hasCertificate ? 0 : 60), "\(outcome.errors)")
            #expect(outcome.text == (hasCertificate ? "x" : ""))
            #expect(client.status == (hasCertificate ? 0 : 58), "\(client.errors)")
        }
    }

    @Test(
        "sock -lk --tls sends its input to every client even if another handshake fails")
    func many() throws {
        let (listener, port, pin) = try start("-lk", "--tls")
        defer { listener.send(signal: 15) }
        let bad = try Socket(to: .tcp("127.0.0.1", port: Sockets.Port(parsing: port)))
        try bad.sendAll("hello?")
        try listener.waitForErrors { $0.contains("the peer does not speak TLS") }
        let silent = try Socket(to: .tcp("127.0.0.1", port: Sockets.Port(parsing: port)))
        let clients = try (0..<2).map { _ in
            try RunningSock("--tls", "--pin", pin, "127.0.0.1", port)
        }
        for (index, client) in clients.enumerated() {
            client.write("from \(index)\n")
            try listener.waitForOutput { $0.contains("from \(index)\n") }
        }
        listener.write("news\n")
        for client in clients {
            try client.waitForOutput("news\n")
            client.endInput()
        }
        silent.close()
    }

    @Test("sock serve --tls serves streams with TLS, and no datagrams")
    func service() throws {
        let server = try RunningSock("serve", "echo", "--tls", "127.0.0.1", "0")
        defer { server.send(signal: 15) }
        let port = try server.port()
        try server.waitForErrors { $0.contains("(echo, tls)") }
        let client = try SockProgram.run(
            "-N", "--tls", "--insecure", "127.0.0.1", port, input: "hello")
        #expect(client.status == 0, "\(client.errors)")
        #expect(client.text == "hello")
        let datagram = try Socket(to: .udp("127.0.0.1", port: Sockets.Port(parsing: port)))
        #expect(throws: SocketError.self) {
            try datagram.send("x")
            _ = try datagram.receive(timeout: .seconds(10))
        }
    }
}
