import Glibc
import Testing

@testable import Sockets

@Suite("Connection(to:) through proxies", .ownThread)
struct ConnectionProxiesTests {
    private static let database = Endpoint.tcp("db.example", port: 5432)

    private func connect(
        _ proxy: Proxy, to target: Endpoint = database
    ) async throws(SocketError) -> Connection {
        try await Connection(to: target, timeout: .seconds(20), options: .init(through: proxy))
    }

    /// Returns the error of a connect that must fail.
    private func failure(
        of proxy: Proxy, to target: Endpoint = database
    ) async throws -> SocketError {
        try await #require(throws: SocketError.self) { try await connect(proxy, to: target) }
    }

    @Test(
        "a proxy receives the target, and no byte after its reply is lost",
        arguments: ProxyCase.successes)
    func connects(_ example: ProxyCase) async throws {
        let peer = try ProxyPeer.replying(example.exchanges, greeting: "hello")
        let connection = try await connect(example.proxy(peer.endpoint), to: example.target)
        #expect(
            try await connection.read(atMost: 100, timeout: .seconds(20)) == Array("hello".utf8))
        try await connection.write("ping")
        try connection.shutdown(.write)
        #expect(
            try await peer.script.result()
                == example.exchanges.map(\.request) + [Array("ping".utf8)])
    }

    @Test(
        "a reply that arrives byte by byte is read completely",
        arguments: ProxyCase.successes)
    func bytewise(_ example: ProxyCase) async throws {
        let peer = try ProxyPeer.replying(example.exchanges, greeting: "hello")
        let faults = Array(repeating: FaultInjection.Fault.short(1), count: 300)
        let script = FaultInjection([.recv: faults, .send: faults])
        let connection = try await FaultInjection.$current.withValue(script) {
            try await connect(example.proxy(peer.endpoint), to: example.target)
        }
        #expect(
            try await connection.read(atMost: 100, timeout: .seconds(20)) == Array("hello".utf8))
        connection.close()
        _ = try await peer.script.result()
    }

    @Test(
        "after a negative or malformed reply, the error names the failure and the proxy",
        arguments: ProxyCase.failures)
    func fails(_ example: ProxyCase) async throws {
        let peer = try ProxyPeer.replying(example.exchanges)
        let proxy = example.proxy(peer.endpoint)
        let error = try await failure(of: proxy, to: example.target)
        let expected = try #require(example.failure)
        #expect(error.cause == .proxy(expected))
        #expect(error.endpoint == example.target)
        #expect(error.proxyStep == .init(proxy: "\(proxy)", destination: example.target))
        #expect(
            "\(error)" == "cannot connect to \(example.target): the proxy \(proxy) "
                + expected.predicate)
        _ = try? await peer.script.result()
    }

    @Test(
        "if a proxy closes the connection early, the error counts the bytes of its reply",
        arguments: ProxyCase.closings)
    func closesEarly(_ example: ProxyCase) async throws {
        let peer = try ProxyPeer.start { stream in
            _ = try ProxyPeer.play(example.exchanges, on: stream)
        }
        let error = try await failure(of: example.proxy(peer.endpoint), to: example.target)
        #expect(error.cause == example.failure.map { .proxy($0) })
        try await peer.script.result()
    }

    @Test("a chain of two proxies connects, and the first proxy receives the name of the second")
    func chain() async throws {
        let exchanges = [
            ProxyCase.greeting, ProxyExchange(ProxyCase.secondProxy, ProxyCase.connected),
            ProxyCase.http("HTTP/1.1 200 OK\r\n\r\n"),
        ]
        let peer = try ProxyPeer.replying(exchanges, greeting: "hello")
        let connection = try await connect([
            .socks5(peer.endpoint), .httpConnect(.tcp("two.example", port: 3128)),
        ])
        #expect(
            try await connection.read(atMost: 100, timeout: .seconds(20)) == Array("hello".utf8))
        connection.close()
        #expect(try await peer.script.result() == exchanges.map(\.request) + [[]])
    }

    @Test("the error of a chain names the proxy that failed and its destination")
    func failingChain() async throws {
        let exchanges = [
            ProxyCase.greeting, ProxyExchange(ProxyCase.secondProxy, ProxyCase.connected),
            ProxyCase.http("HTTP/1.1 403 Forbidden\r\n\r\n"),
        ]
        let peer = try ProxyPeer.replying(exchanges)
        let error = try await failure(of: [
            .socks5(peer.endpoint), .httpConnect(.tcp("two.example", port: 3128)),
        ])
        #expect(
            "\(error)" == "cannot connect to db.example:5432: the proxy http://two.example:3128"
                + " replied 403 Forbidden")
        _ = try? await peer.script.result()
    }

    @Test("the error names a proxy that refuses connections, and lists the attempts")
    func refusingProxy() async throws {
        let (holder, address) = try Loopback.refusingPort()
        let proxy = Proxy.socks5(.tcp("127.0.0.1", port: address.port ?? 0))
        let error = try await failure(of: proxy)
        #expect(error.errno == .connectionRefused)
        #expect(error.attempts.map(\.address) == [address])
        #expect(error.proxyStep?.destination == nil)
        #expect(
            "\(error)" == "cannot connect to db.example:5432: the proxy socks5://\(address) cannot"
                + " be reached: connection refused (tried 127.0.0.1)")
        withExtendedLifetime(holder) {}
    }

    @Test("the error names a proxy that resets the connection")
    func reset() async throws {
        let peer = try ProxyPeer.start { stream in
            _ = try stream.readExactly(3, timeout: .seconds(20))
            try stream.setOption(.linger, to: .zero)
            try stream.close()
        }
        let error = try await failure(of: .socks5(peer.endpoint))
        #expect(error.errno == .connectionReset)
        #expect(
            "\(error)" == "cannot connect to db.example:5432: the proxy socks5://\(peer.endpoint)"
                + " broke the connection: connection reset by peer")
        try await peer.script.result()
    }

    @Test("the time limit covers the replies of the proxy, and the error names the proxy")
    func silentProxy() async throws {
        let peer = try ProxyPeer.replying([ProxyCase.greeting, ProxyCase.socks5([])])
        let start = ContinuousClock.now
        let error = try await #require(throws: SocketError.self) {
            try await Connection(
                to: Self.database, timeout: .milliseconds(500),
                options: .init(through: .socks5(peer.endpoint)))
        }
        let duration = start.duration(to: .now)
        #expect(duration >= .milliseconds(500) && duration < .seconds(10))
        #expect(error.cause == .timedOut(limit: .milliseconds(500)))
        #expect(
            "\(error)" == "cannot connect to db.example:5432: the proxy socks5://\(peer.endpoint)"
                + " did not answer in 0.5 s")
        _ = try await peer.script.result()
    }

    @Test("cancellation ends the wait for a proxy, and the error does not blame the proxy")
    func cancelled() async throws {
        let peer = try ProxyPeer.start { stream in
            _ = try stream.readExactly(3, timeout: .seconds(20))
            return stream.socket
        }
        let connecting = Task {
            try await Connection(
                to: Self.database, timeout: .seconds(60),
                options: .init(through: .socks5(peer.endpoint)))
        }
        // The proxy has received the greeting, so the task waits for the reply.
        let proxy = try await peer.script.result()
        connecting.cancel()
        let result = await connecting.result
        let error = try #require(throws: SocketError.self) { try result.get() }
        #expect("\(error)" == "cannot connect to db.example:5432: cancelled")
        withExtendedLifetime(proxy) {}
    }

    @Test("a service name is looked up before the connection to the proxy")
    func serviceName() async throws {
        let (holder, address) = try Loopback.refusingPort()
        let proxy = Proxy.socks5(.tcp("127.0.0.1", port: address.port ?? 0))
        let error = try await failure(of: proxy, to: .tcp("db.example", port: "no-such-service"))
        #expect(error.cause == .unknownService("no-such-service", transport: .tcp))
        withExtendedLifetime(holder) {}
    }

    @Test("a connection to a SocketAddress also goes through the proxy")
    func address() async throws {
        let request: [UInt8] = [5, 1, 0, 1, 192, 0, 2, 7, 0, 80]
        let exchanges = [ProxyCase.greeting, ProxyExchange(request, ProxyCase.connected)]
        let peer = try ProxyPeer.replying(exchanges)
        let connection = try await Connection(
            to: .ipv4(IPv4Address(192, 0, 2, 7), port: 80), timeout: .seconds(20),
            options: .init(through: .socks5(peer.endpoint)))
        #expect("\(connection.remoteAddress)" == "\(peer.endpoint)")
        connection.close()
        #expect(try await peer.script.result() == exchanges.map(\.request) + [[]])
    }

    @Test("Unix endpoints and datagram channels reject a proxy but ignore that of the environment")
    func otherTransports() async throws {
        let proxy = Proxy.socks5(.tcp("127.0.0.1", port: 1))
        let options = ConnectOptions(through: proxy)
        let expected = SocketError.Cause.invalidInput(
            "a proxy can connect only to tcp:// endpoints")
        #expect(try await failure(of: proxy, to: .unix("/x")).cause == expected)
        let cause = await asyncCause {
            _ = try await DatagramChannel(to: .udp("127.0.0.1", port: 7), options: options)
        }
        #expect(cause == expected)
        let receiver = try Loopback.udp()
        let channel = try await DatagramChannel(
            to: .udp("127.0.0.1", port: receiver.localAddress.port ?? 0),
            options: .init(through: .fromEnvironment))
        #expect(channel.remoteAddress == receiver.localAddress)
        let listener = try Socket(on: .unix("@" + Loopback.unixPath()))
        let client = try await Connection(
            to: listener.localAddress, options: .init(through: .fromEnvironment))
        #expect(client.remoteAddress == listener.localAddress)
    }

    @Test("a connection through a proxy at a Unix socket succeeds")
    func unixProxy() async throws {
        let exchanges = [ProxyCase.greeting, ProxyCase.socks5(ProxyCase.connected)]
        let path = "@" + Loopback.unixPath()
        let listener = try Socket(on: .unix(path))
        let script = Background {
            let stream = SocketStream(try listener.accept(timeout: .seconds(20)))
            return try ProxyPeer.play(exchanges, on: stream)
        }
        _ = try await connect(.socks5(.unix(path)))
        #expect(try await script.result() == exchanges.map(\.request))
    }

    @Test("TLS through a proxy verifies the name of the target", .needsOpenSSL)
    func tls() async throws {
        let server = try TLSPeers.server()
        let peer = try ProxyPeer.start { stream in
            let request = "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n"
            _ = try ProxyPeer.play(
                [ProxyExchange(request, "HTTP/1.1 200 OK\r\n\r\n")], on: stream)
            try stream.startTLS(server)
            try stream.write("hello\n")
            try stream.flush()
            return try stream.readLine(timeout: .seconds(20))
        }
        let connection = try await Connection(
            to: .tcp("localhost", port: 443), timeout: .seconds(20),
            tls: .client(trust: try Certificates.trust()),
            options: .init(through: .httpConnect(peer.endpoint)))
        #expect(connection.tls?.serverName == "localhost")
        #expect(try await connection.readLine(timeout: .seconds(20)) == "hello")
        try await connection.write("bye\n")
        #expect(try await peer.script.result() == "bye")
    }

    @Test(
        "TLS to an address through a proxy rejects a certificate for the proxy's address",
        .needsOpenSSL)
    func wrongAddress() async throws {
        // The certificate is for 127.0.0.1, the address of the proxy.
        let server = try TLSPeers.server()
        let peer = try ProxyPeer.start { stream in
            let request = "CONNECT 192.0.2.7:443 HTTP/1.1\r\nHost: 192.0.2.7:443\r\n\r\n"
            _ = try ProxyPeer.play(
                [ProxyExchange(request, "HTTP/1.1 200 OK\r\n\r\n")], on: stream)
            try? stream.startTLS(server)
        }
        let error = try await #require(throws: SocketError.self) {
            try await Connection(
                to: .ipv4(IPv4Address(192, 0, 2, 7), port: 443), timeout: .seconds(20),
                tls: .client(trust: try Certificates.trust()),
                options: .init(through: .httpConnect(peer.endpoint)))
        }
        guard case .tls(.wrongHost(expected: "192.0.2.7", _)) = error.cause else {
            Issue.record(error)
            return
        }
        #expect(error.endpoint == .tcp("192.0.2.7", port: 443))
        #expect("\(error)".hasPrefix("cannot \(SocketError.Operation.startTLS) 192.0.2.7:443: "))
        try await peer.script.result()
    }

    @Test("a TLS session is resumed through another proxy", .needsOpenSSL)
    func resumption() async throws {
        let server = try TLSPeers.server()
        let client = TLSConfiguration.client(trust: try Certificates.trust())
        for isResumed in [false, true] {
            let peer = try ProxyPeer.start { stream in
                let request = "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n"
                _ = try ProxyPeer.play(
                    [ProxyExchange(request, "HTTP/1.1 200 OK\r\n\r\n")], on: stream)
                try stream.startTLS(server)
                try stream.write("hello\n")
                try stream.flush()
            }
            let connection = try await Connection(
                to: .tcp("localhost", port: 443), timeout: .seconds(20), tls: client,
                options: .init(through: .httpConnect(peer.endpoint)))
            #expect(connection.tls?.isResumed == isResumed)
            #expect(try await connection.readLine(timeout: .seconds(20)) == "hello")
            await connection.finish()
            try await peer.script.result()
        }
    }

    @Test("the error contains the bytes of a target that does not speak TLS", .needsOpenSSL)
    func plainTarget() async throws {
        let peer = try ProxyPeer.replying(
            [ProxyCase.http("HTTP/1.1 200 OK\r\n\r\n")], greeting: "220 mail.example ESMTP\r\n")
        let error = try await #require(throws: SocketError.self) {
            try await Connection(
                to: Self.database, timeout: .seconds(20), tls: .client(),
                options: .init(through: .httpConnect(peer.endpoint)))
        }
        guard case .tls(.notTLS(let bytes)) = error.cause else {
            Issue.record(error)
            return
        }
        #expect(bytes.starts(with: "220 ".utf8))
        _ = try? await peer.script.result()
    }

    @Test("the proxy of the environment is used if it applies to the target")
    func environment() async {
        // Run in a separate process, because the environment belongs to the whole process.
        await #expect(processExitsWith: .success) {
            let exchanges = [
                ProxyCase.greeting, ProxyCase.socks5(ProxyCase.connected),
            ]
            let peer = try ProxyPeer.replying(exchanges, greeting: "hello")
            setenv("all_proxy", "socks5h://\(peer.endpoint)", 1)
            setenv("no_proxy", "localhost,127.0.0.0/8", 1)
            let direct = try Socket(on: Loopback.ipv4)
            let options = ConnectOptions(through: .fromEnvironment)
            let near = try await Connection(to: direct.localAddress, options: options)
            #expect(near.remoteAddress == direct.localAddress)
            let far = try await Connection(
                to: .tcp("db.example", port: 5432), timeout: .seconds(20), options: options)
            #expect("\(far.remoteAddress)" == "\(peer.endpoint)")
            #expect(try await far.readExactly(5, timeout: .seconds(20)) == Array("hello".utf8))
            far.close()
            #expect(try await peer.script.result() == exchanges.map(\.request) + [[]])
            setenv("all_proxy", "gopher://alice:secret@proxy.example", 1)
            let error = try await #require(throws: SocketError.self) {
                try await Connection(to: .tcp("db.example", port: 5432), options: options)
            }
            #expect(
                "\(error)" == "cannot parse proxy 'gopher://proxy.example' of the variable"
                    + " all_proxy: expected http, socks4, socks4a, socks5 or socks5h before ://")
        }
    }
}
