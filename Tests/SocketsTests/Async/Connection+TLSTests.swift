import SystemPackage
import Testing

@testable import Sockets

@Suite("Connection: TLS", .ownThread, .needsOpenSSL)
struct ConnectionTLSTests {
    @Test("a client and a server exchange lines")
    func lines() async throws {
        try await TLSPeers.serving { connection in
            for try await line in connection.lines { try await connection.write("<\(line)>\n") }
        } _: { address in
            let connection = try await Connection(to: address, tls: TLSPeers.client())
            #expect(connection.tls?.version == .tls13)
            #expect(connection.tls?.peerCertificate?.subject == "/CN=server")
            try await connection.write("a\nb\n")
            #expect(try await connection.readLine() == "<a>")
            #expect(try await connection.exchange("c\n", reading: .line).text == "<b>")
            #expect(try await connection.readLine() == "<c>")
            await connection.finish()
        }
    }

    @Test(
        "a large echo arrives complete, on and off an event loop, in each TLS version",
        arguments: [true, false], [TLSVersion.tls12, .tls13])
    func echo(onLoop: Bool, version: TLSVersion) async throws {
        var configuration = try TLSPeers.client()
        configuration.maximumVersion = version
        let (client, server) = try await TLSPeers.pair(client: configuration)
        let message = pattern(3_000_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: onLoop ? server.source.loop : nil) {
                let count = try await server.echo()
                #expect(count == message.count)
                await server.finish()
            }
            let (reply, _) = try await client.duplex { client in
                try await client.readToEnd()
            } writing: { client in
                try await client.write(message)
                try client.shutdown(.write)
            }
            #expect(reply == message)
            try await group.waitForAll()
        }
    }

    @Test("an exchange larger than all buffers completes even if the peer replies before it reads")
    func exchange() async throws {
        let (client, server) = try await TLSPeers.pair()
        let request = pattern(4_000_000)
        // The server sends its whole reply before it reads.
        async let served: Void = {
            try await server.write(request)
            #expect(try await server.readToEnd() == request)
            await server.finish()
        }()
        let reply = try await client.exchange(request, reading: .toEnd(limit: 8 << 20))
        #expect(reply.bytes == request)
        try await served
    }

    @Test("write(parts:), readExactly, readLine and withReceived transfer the same bytes")
    func forms() async throws {
        let (client, server) = try await TLSPeers.pair()
        try await client.write(parts: [[1, 2], [], [3, 4, 5], Array("line\r\n".utf8)])
        #expect(try await server.readExactly(5) == [1, 2, 3, 4, 5])
        #expect(try await server.readLine() == "line")
        try await client.write([7])
        let first = try await server.withReceived { $0.unsafeLoad(as: UInt8.self) }
        #expect(first == 7)
    }

    @Test("sendFile sends a file from the given offset", arguments: [0, 5])
    func sendFile(offset: Int) async throws {
        let path = FilePath(try Certificates.path("server.crt"))
        let expected = try Certificates.bytes("server.crt")
        let (client, server) = try await TLSPeers.pair()
        let file = try FileDescriptor.open(path, .readOnly)
        defer { try? file.close() }
        #expect(try await client.sendFile(file, offset: offset) == expected.count - offset)
        try client.shutdown(.write)
        #expect(try await server.readToEnd() == Array(expected[offset...]))
    }

    @Test("copy forwards bytes and EOF between a plain and an encrypted connection")
    func copies() async throws {
        let (near, proxy) = try Connection.pair()
        let (upstream, far) = try await TLSPeers.pair()
        let message = pattern(1_000_000)
        async let up = proxy.copy(to: upstream)
        async let down = upstream.copy(to: proxy)
        async let echoed: Void = {
            try await far.echo()
            try far.shutdown(.write)
        }()
        let (reply, _) = try await near.duplex {
            try await $0.readToEnd()
        } writing: {
            try await $0.write(message)
            try $0.shutdown(.write)
        }
        #expect(reply == message)
        #expect(try await up == message.count)
        #expect(try await down == message.count)
        try await echoed
    }

    @Test("concurrent writes of several tasks each arrive whole")
    func concurrency() async throws {
        let (client, server) = try await TLSPeers.pair()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for byte in 0..<20 {
                group.addTask {
                    try await client.write([UInt8](repeating: UInt8(byte), count: 10_000))
                }
            }
            for _ in 0..<20 {
                let block = try await server.readExactly(10_000)
                #expect(block.allSatisfy { $0 == block[0] })
            }
            try await group.waitForAll()
        }
    }

    // MARK: Ends

    @Test("a half-closed connection still receives, and close_notify is read as EOF")
    func halfClose() async throws {
        let (client, server) = try await TLSPeers.pair()
        try client.shutdown(.write)
        #expect(try await server.read().isEmpty)
        try await server.write("still")
        #expect(try await client.read() == Array("still".utf8))
        server.close()
        #expect(try await client.read().isEmpty)
    }

    @Test("a stream without close_notify throws `truncated` after the received bytes are read")
    func truncated() async throws {
        let (client, server) = try await TLSPeers.pair()
        try await server.write("part")
        // TCP ends, but TLS does not.
        try System.shutdown(server.source.descriptor, .write)
        #expect(try await client.read() == Array("part".utf8))
        for _ in 0..<2 {
            #expect(await asyncCause { _ = try await client.read() } == .tls(.truncated))
        }
        #expect(
            await asyncCause { _ = try await client.exchange("x", reading: .line) }
                == .tls(.truncated))
    }

    @Test("a copy of a truncated stream resets the other connection")
    func copyOfTruncated() async throws {
        let (client, server) = try await TLSPeers.pair()
        let listener = try Listener(on: Loopback.ipv4)
        async let accepted = listener.accept(timeout: .seconds(10))
        let (near, far) = (try await Connection(to: listener.localAddress), try await accepted)
        try System.shutdown(server.source.descriptor, .write)
        #expect(await asyncCause { _ = try await client.copy(to: near) } == .tls(.truncated))
        #expect(await asyncCause { _ = try await far.read() } == .system(.connectionReset))
    }

    @Test("a reset is reported by the same error as without TLS")
    func reset() async throws {
        let (client, server) = try await TLSPeers.pair()
        try server.setOption(.linger, to: .zero)
        server.close()
        #expect(await asyncCause { _ = try await client.read() } == .system(.connectionReset))
    }

    /// Returns a pair whose client can send nothing more until the server reads.
    private func fullPair() async throws -> (client: Connection, server: Connection) {
        let (client, server) = try await TLSPeers.unixPair()
        let failure = await asyncCause {
            try await client.write(pattern(12_000_000), timeout: .milliseconds(100))
        }
        #expect(failure == .timedOut(limit: .milliseconds(100)))
        return (client, server)
    }

    @Test("the descriptor of a connection with TLS can be neither released nor duplicated")
    func releaseAndDuplicate() async throws {
        let (client, server) = try await TLSPeers.pair()
        for body: () throws -> Void in [
            { _ = try client.release() }, { _ = try client.duplicate() },
        ] {
            let error = #expect(throws: SocketError.self) { try body() }
            #expect(
                error?.cause
                    == .invalidInput(
                        "the connection uses TLS, whose keys the descriptor does not contain"))
        }
        try await client.write("x")
        #expect(try await server.read() == [0x78])
    }

    @Test("close does not wait for a peer that reads nothing")
    func closeWithoutRoom() async throws {
        let (client, server) = try await fullPair()
        let start = ContinuousClock.now
        client.close()
        #expect(ContinuousClock.now - start < .seconds(1))
        // The peer sees that the end is missing.
        #expect(await asyncCause { _ = try await server.readToEnd() } == .tls(.truncated))
    }

    @Test("shutdown leaves the direction open if the kernel has no room for close_notify")
    func shutdownWithoutRoom() async throws {
        let (client, server) = try await fullPair()
        #expect(await asyncCause { try client.shutdown(.write) } == .system(.wouldBlock))
        let reader = Task {
            let bytes = try await server.readToEnd()
            server.close()
            return bytes.count
        }
        // `finish` waits until there is room.
        await client.finish(timeout: .seconds(10))
        #expect(try await reader.value > 0)
    }

    @Test("a write that timed out continues after resumeWriting without losing or repeating bytes")
    func resumedWrite() async throws {
        let (client, server) = try await TLSPeers.pair()
        let message = pattern(12_000_000)
        var sent = 0
        do throws(SocketError) {
            try await client.write(message, timeout: .milliseconds(200))
            Issue.record("expected a timeout")
        } catch {
            #expect(error.isTimeout)
            sent = error.bytesTransferred
        }
        #expect(await asyncCause { try await client.write("x") } == .incompleteWrite)
        try client.resumeWriting()
        async let received = server.readToEnd()
        try await client.write(message.span.bytes.extracting(droppingFirst: sent))
        try client.shutdown(.write)
        #expect(try await received == message)
    }

    @Test("a cancelled read loses no bytes")
    func cancelled() async throws {
        let (client, server) = try await TLSPeers.pair()
        let read = Task { try await client.read() }
        read.cancel()
        #expect(await asyncCause { _ = try await read.value } == .cancelled)
        try await server.write("later")
        #expect(try await client.read() == Array("later".utf8))
    }

    // MARK: Handshake

    @Test("the error of a refused handshake names the endpoint and the failure")
    func refused() async throws {
        try await TLSPeers.serving(.server(try Certificates.identity("elsewhere"))) { _ in
            Issue.record("a handler ran")
        } _: { address in
            let endpoint = Endpoint.tcp("127.0.0.1", port: .init(address.port ?? 0))
            let trust = try Certificates.trust()
            do throws(SocketError) {
                _ = try await Connection(
                    to: endpoint, tls: .client(serverName: "localhost", trust: trust))
                Issue.record("expected an error")
            } catch {
                #expect(error.operation == .startTLS)
                #expect(
                    error.cause
                        == .tls(
                            .wrongHost(
                                expected: "localhost", names: ["elsewhere.test", "192.0.2.7"])))
                #expect(error.description.hasPrefix("cannot start TLS with 127.0.0.1:"))
            }
        }
    }

    @Test("the server's certificate is verified for the host or the address of the endpoint")
    func defaultName() async throws {
        let trust = try Certificates.trust()
        try await TLSPeers.serving {
            try await $0.echo()
        } _: { address in
            _ = try await Connection(to: address, tls: .client(trust: trust))
            let endpoint = Endpoint.tcp("localhost", port: .init(address.port ?? 0))
            let connection = try await Connection(to: endpoint, tls: .client(trust: trust))
            #expect(connection.remoteAddress == address)
        }
    }

    @Test("TLS to a Unix endpoint throws unless the configuration names the server")
    func unix() async throws {
        let path = Loopback.unixPath()
        let listener = try await Listener(on: .unix(path), tls: TLSPeers.server())
        let serving = Task { try await listener.serve { try await $0.echo() } }
        let trust = try Certificates.trust()
        guard
            case .tls(.invalidConfiguration) = await asyncCause({
                _ = try await Connection(to: .unix(path), tls: .client(trust: trust))
            })
        else {
            Issue.record("expected an invalid configuration")
            return
        }
        let connection = try await Connection(to: .unix(path), tls: TLSPeers.client())
        #expect(try await connection.exchange("a\n", reading: .line).text == "a")
        await connection.finish()
        serving.cancel()
        try await serving.value
    }

    @Test("startTLS reports a greeting in plain text at its first byte")
    func plainGreeting() async throws {
        let (here, there) = try Connection.pair()
        async let failure = asyncCause { try await here.startTLS(TLSPeers.client()) }
        _ = try await there.read()
        try await there.write("S")
        #expect(await failure == .tls(.notTLS([UInt8(ascii: "S")])))
    }

    @Test("a client refuses bytes that arrived before TLS, and a server parses such bytes as TLS")
    func injection() async throws {
        let (client, server) = try Connection.pair()
        try await server.write("220 go\r\nEVIL")
        #expect(try await client.readLine() == "220 go")
        #expect(
            await asyncCause { try await client.startTLS(TLSPeers.client()) }
                == .tls(.bytesBeforeTLS(Array("EVIL".utf8))))
        try await client.write("STARTTLS\r\nEVIL")
        #expect(try await server.readLine() == "STARTTLS")
        #expect(
            await asyncCause { try await server.startTLS(TLSPeers.server()) }
                == .tls(.notTLS(Array("EVIL".utf8))))
    }

    @Test("both ends upgrade a connection to TLS after they have exchanged lines in plain text")
    func upgrade() async throws {
        let (client, server) = try Connection.pair()
        async let served: Void = {
            #expect(try await server.readLine() == "STARTTLS")
            try await server.write("220 go\r\n")
            try await server.startTLS(TLSPeers.server())
            try await server.echo()
        }()
        try await client.write("STARTTLS\r\n")
        #expect(try await client.readLine() == "220 go")
        try await client.startTLS(TLSPeers.client())
        #expect(try await client.exchange("hello\n", reading: .line).text == "hello")
        await client.finish()
        try await served
    }

    @Test("a server parses the bytes in its buffer as the ClientHello")
    func bufferedHello() async throws {
        let (client, server) = try Connection.pair()
        async let started: Void = {
            try await client.write("PROXY\r\n")
            try await client.startTLS(TLSPeers.client())
        }()
        // Wait until the ClientHello is in the buffer of the server, too.
        while server.input.count < 10 {
            var deadline = Deadline(.never)
            #expect(try await server.fill(&deadline))
        }
        #expect(try await server.readLine() == "PROXY")
        try await server.startTLS(TLSPeers.server())
        try await started
        #expect(server.tls != nil && client.tls != nil)
    }

    @Test("a handshake with a silent peer times out at its limit")
    func silent() async throws {
        let (here, there) = try Connection.pair()
        #expect(
            await asyncCause {
                try await here.startTLS(TLSPeers.client(), timeout: .milliseconds(50))
            } == .timedOut(limit: .milliseconds(50)))
        there.close()
    }

    @Test("a handshake throws `truncated` if the peer closes")
    func cut() async throws {
        let (here, there) = try Connection.pair()
        async let failure = asyncCause { try await here.startTLS(TLSPeers.client()) }
        _ = try await there.read()
        there.close()
        #expect(await failure == .tls(.truncated))
        #expect(here.tls == nil)
    }

    @Test("TLS starts only once, and no byte is sent in plain text after a failed handshake")
    func once() async throws {
        let (client, server) = try await TLSPeers.pair()
        guard
            case .invalidInput = await asyncCause({ try await client.startTLS(TLSPeers.client()) })
        else {
            Issue.record("expected invalid input")
            return
        }
        _ = server
        let (here, there) = try Connection.pair()
        async let failure = asyncCause { try await here.startTLS(TLSPeers.client()) }
        _ = try await there.read()
        try await there.write("no TLS")
        #expect(await failure == .tls(.notTLS(Array("no TLS".utf8))))
        #expect(
            await asyncCause { try await here.write("secret") }
                == .tls(.notTLS(Array("no TLS".utf8))))
    }

    @Test("the first read of a client throws if the server requires a certificate")
    func mutual() async throws {
        let trust = try Certificates.trust()
        let server = TLSConfiguration.server(
            try Certificates.identity("server"), clients: .required(trusting: trust))
        try await TLSPeers.serving(server) { connection in
            try await connection.write(connection.tls?.peerCertificate?.subject ?? "none")
        } _: { address in
            var client = try TLSPeers.client()
            let refused = try await Connection(to: address, tls: client)
            #expect(
                await asyncCause { _ = try await refused.read() }
                    == .tls(.clientCertificateRequired))
            client.identity = try Certificates.identity("client")
            let accepted = try await Connection(to: address, tls: client)
            #expect(try await accepted.readToEnd() == Array("/CN=client".utf8))
        }
    }

    @Test("a new connection resumes the session of an earlier connection")
    func resumption() async throws {
        let client = try TLSPeers.client()
        try await TLSPeers.serving {
            try await $0.echo()
        } _: { address in
            for isResumed in [false, true, true] {
                let connection = try await Connection(to: address, tls: client)
                #expect(connection.tls?.isResumed == isResumed)
                #expect(try await connection.exchange("a\n", reading: .line).text == "a")
                await connection.finish()
            }
        }
    }

    @Test("a key update is answered while both ends transfer")
    func keyUpdate() async throws {
        let (client, server) = try await TLSPeers.pair()
        async let echoed = server.echo()
        for _ in 0..<10 {
            client.tlsSession?.updateKeys()
            #expect(try await client.exchange("a\n", reading: .line).text == "a")
        }
        await client.finish()
        #expect(try await echoed == 20)
    }

    @Test("the statistics and options of the socket work over TLS")
    func descriptor() async throws {
        let (client, server) = try await TLSPeers.pair()
        #expect(try client.option(.noDelay))
        do throws(SocketError) {
            _ = try await client.read(timeout: .milliseconds(50))
            Issue.record("expected a timeout")
        } catch {
            #expect(error.stallReport != nil)
        }
        _ = server
    }
}
