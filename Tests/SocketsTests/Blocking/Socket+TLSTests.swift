import Testing

@testable import Sockets

@Suite("Socket, SocketStream: TLS", .needsOpenSSL)
struct SocketTLSTests {
    /// Returns both ends of a TCP connection with TLS.
    private func pair(_ client: TLSConfiguration? = nil) throws -> (client: Socket, server: Socket)
    {
        let (here, there) = try Loopback.tcpPair()
        let server = try TLSPeers.server()
        let started = Background { try there.startTLS(server) }
        try here.startTLS(client ?? TLSPeers.client())
        try started.value()
        return (here, there)
    }

    @Test("a stream connects with TLS and exchanges lines")
    func lines() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let server = try TLSPeers.server()
        let served = Background {
            let stream = SocketStream(try listener.accept(timeout: .seconds(10)))
            try stream.startTLS(server)
            while let line = try stream.readLine() { try stream.write("<\(line)>\n") }
            try stream.close()
        }
        let endpoint = Endpoint.tcp("localhost", port: .init(listener.localAddress.port ?? 0))
        let stream = try SocketStream(
            to: endpoint, tls: .client(trust: Certificates.trust()), options: .init(family: .ipv4))
        #expect(stream.tls?.serverName == "localhost")
        try stream.write("a\nb\n")
        #expect(try stream.readLine() == "<a>")
        #expect(try stream.exchange("c\n", reading: .line).text == "<b>")
        #expect(try stream.readLine() == "<c>")
        try stream.close()
        try served.value()
    }

    @Test("large transfers in both directions at once arrive complete")
    func duplex() throws {
        let (client, server) = try pair()
        let message = pattern(3_000_000)
        let sent = Background {
            try client.sendAll(message)
            try client.shutdown(.write)
        }
        let echoed = Background {
            while case let bytes = try server.receive(atMost: 50_000), !bytes.isEmpty {
                try server.sendAll(bytes)
            }
            server.finish()
        }
        var received: [UInt8] = []
        while try client.receive(appendingTo: &received) > 0 {}
        #expect(received == message)
        try sent.value()
        try echoed.value()
    }

    @Test("a stream flushes encrypted bytes before it waits for the reply")
    func flushes() throws {
        let (client, server) = try pair()
        let message = pattern(6_000_000)
        let served = Background {
            let stream = SocketStream(server)
            let bytes = try stream.readExactly(message.count)
            try stream.write(bytes)
            try stream.flush()
            return bytes == message
        }
        let stream = SocketStream(client)
        try stream.write(message)
        #expect(try stream.readExactly(message.count) == message)
        #expect(try served.value())
    }

    @Test("an exchange receives nothing beyond the reply", arguments: [Framing.line, .exactly(6)])
    func exchange(framing: Framing) throws {
        let (client, server) = try pair()
        let served = Background {
            _ = try server.receive()
            try server.sendAll("reply\nrest")
        }
        #expect(try client.exchange("?", reading: framing).text.hasPrefix("reply"))
        #expect(try client.receive() == Array("rest".utf8))
        try served.value()
    }

    @Test("peek leaves the bytes for the next receive")
    func peek() throws {
        let (client, server) = try pair()
        try client.sendAll("hello")
        #expect(try server.peek(atMost: 2) == Array("he".utf8))
        #expect(try server.peek() == Array("hello".utf8))
        #expect(try server.receive() == Array("hello".utf8))
    }

    @Test("parts are sent in order")
    func parts() throws {
        let (client, server) = try pair()
        try client.sendAll(parts: [[1], [], [2, 3]])
        #expect(try server.receive() == [1, 2, 3])
    }

    @Test("close_notify is read as EOF, and a stream without close_notify throws `truncated`")
    func ends() throws {
        let (client, server) = try pair()
        try client.sendAll("last")
        client.close()
        #expect(try server.receive() == Array("last".utf8))
        #expect(try server.receive().isEmpty)
        let (other, cut) = try pair()
        try System.shutdown(other.descriptor, .write)
        #expect(cause { _ = try cut.receive() } == .tls(.truncated))
    }

    @Test("close does not wait for a peer that reads nothing")
    func close() throws {
        let (client, server) = try pair()
        _ = try Loopback.fill(client)
        let start = ContinuousClock.now
        client.close()
        #expect(ContinuousClock.now - start < .seconds(1))
        _ = server
    }

    @Test("a send that times out neither loses nor repeats bytes")
    func timeouts() throws {
        let (client, server) = try pair()
        let block = pattern(65536)
        var sent = 0
        while true {
            do throws(SocketError) {
                let bytes = block.span.bytes.extracting(droppingFirst: sent % block.count)
                sent += try client.send(bytes, timeout: .milliseconds(20))
            } catch {
                #expect(error.isTimeout)
                break
            }
        }
        let received = Background {
            var bytes: [UInt8] = []
            while try server.receive(appendingTo: &bytes) > 0 {}
            server.close()
            return bytes
        }
        client.finish(timeout: .seconds(10))
        let bytes = try received.value()
        #expect(bytes.count == sent)
        #expect(bytes.indices.allSatisfy { bytes[$0] == block[$0 % block.count] })
    }

    @Test("the descriptor of a socket with TLS can be neither released, duplicated nor adopted")
    func release() throws {
        let (client, server) = try pair()
        for body: () throws -> Void in [
            { _ = try client.release() }, { _ = try client.duplicate() },
            { _ = try Connection(adopting: client) },
        ] {
            guard case .invalidInput = cause(body) else {
                Issue.record("expected invalid input")
                continue
            }
        }
        _ = server
    }

    @Test("a datagram socket cannot start TLS")
    func datagram() throws {
        let socket = try Loopback.udp()
        guard case .invalidInput = cause({ try socket.startTLS(TLSPeers.client()) }) else {
            Issue.record("expected invalid input")
            return
        }
    }

    @Test("a handshake with a silent peer times out at its limit")
    func silent() throws {
        let (client, server) = try Loopback.tcpPair()
        let tls = try TLSPeers.client()
        #expect(
            cause { try client.startTLS(tls, timeout: .milliseconds(50)) }
                == .timedOut(limit: .milliseconds(50)))
        _ = server
    }

    @Test("the errors of both ends name the reason why a certificate was refused")
    func refused() throws {
        let (client, server) = try Loopback.tcpPair()
        let configuration = TLSConfiguration.server(try Certificates.identity("expired"))
        let started = Background { () -> SocketError.Cause? in
            do throws(SocketError) {
                try server.startTLS(configuration)
                return nil
            } catch {
                return error.cause
            }
        }
        let tls = try TLSPeers.client()
        guard case .tls(.expired) = cause({ try client.startTLS(tls) }) else {
            Issue.record("expected expired")
            return
        }
        client.finish()
        #expect(try started.value() == .tls(.alert(.certificateExpired)))
    }

    @Test("startTLS on a stream throws if bytes arrived before the handshake")
    func injection() throws {
        let (client, server) = try Loopback.tcpPair()
        try server.sendAll("220 go\r\nEVIL")
        let stream = SocketStream(client)
        #expect(try stream.readLine() == "220 go")
        // The whole text is in one segment on the loopback.
        let tls = try TLSPeers.client()
        #expect(
            cause { try stream.startTLS(tls) } == .tls(.bytesBeforeTLS(Array("EVIL".utf8))))
    }
}
