import Glibc
import Testing

@testable import Sockets

@Suite("Socket(to:) through proxies", .ownThread)
struct SocketProxiesTests {
    private func connect(_ proxy: Proxy, to target: Endpoint? = nil) throws(SocketError) -> Socket {
        try Socket(
            to: target ?? .tcp("db.example", port: 5432), timeout: .seconds(20),
            options: .init(through: proxy))
    }

    /// Returns the error of a connect that must fail.
    private func failure(of proxy: Proxy, to target: Endpoint? = nil) throws -> SocketError {
        try #require(throws: SocketError.self) { try connect(proxy, to: target) }
    }

    @Test(
        "a proxy receives the target, and no byte after its reply is lost",
        arguments: ProxyCase.successes)
    func connects(_ example: ProxyCase) throws {
        let peer = try ProxyPeer.replying(example.exchanges, greeting: "hello")
        let socket = try connect(example.proxy(peer.endpoint), to: example.target)
        #expect(try socket.receive(atMost: 100, timeout: .seconds(20)) == Array("hello".utf8))
        try socket.sendAll("ping")
        try socket.shutdown(.write)
        #expect(
            try peer.script.value() == example.exchanges.map(\.request) + [Array("ping".utf8)])
    }

    @Test(
        "a reply that arrives byte by byte is read completely",
        arguments: ProxyCase.successes)
    func bytewise(_ example: ProxyCase) throws {
        let peer = try ProxyPeer.replying(example.exchanges, greeting: "hello")
        let faults = Array(repeating: FaultInjection.Fault.short(1), count: 300)
        let socket = try FaultInjection.during([.recv: faults, .send: faults]) {
            try connect(example.proxy(peer.endpoint), to: example.target)
        }
        #expect(try socket.receive(atMost: 100, timeout: .seconds(20)) == Array("hello".utf8))
        socket.close()
        _ = try peer.script.value()
    }

    @Test(
        "after a negative or malformed reply, the error names the failure and the proxy",
        arguments: ProxyCase.failures)
    func fails(_ example: ProxyCase) throws {
        let peer = try ProxyPeer.replying(example.exchanges)
        let proxy = example.proxy(peer.endpoint)
        let error = try failure(of: proxy, to: example.target)
        let expected = try #require(example.failure)
        #expect(error.cause == .proxy(expected))
        #expect(error.endpoint == example.target)
        #expect(error.proxyStep == .init(proxy: "\(proxy)", destination: example.target))
        #expect(
            "\(error)" == "cannot connect to \(example.target): the proxy \(proxy) "
                + expected.predicate)
        _ = try? peer.script.value()
    }

    @Test(
        "if a proxy closes the connection early, the error counts the bytes of its reply",
        arguments: ProxyCase.closings)
    func closesEarly(_ example: ProxyCase) throws {
        let peer = try ProxyPeer.start { stream in
            _ = try ProxyPeer.play(example.exchanges, on: stream)
        }
        let error = try failure(of: example.proxy(peer.endpoint), to: example.target)
        #expect(error.cause == example.failure.map { .proxy($0) })
        try peer.script.value()
    }

    @Test("a chain of two proxies connects, and the first proxy receives the name of the second")
    func chain() throws {
        let place = "db.example:5432"
        let exchanges = [
            ProxyCase.greeting, ProxyExchange(ProxyCase.secondProxy, ProxyCase.connected),
            ProxyExchange(
                "CONNECT \(place) HTTP/1.1\r\nHost: \(place)\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"),
        ]
        let peer = try ProxyPeer.replying(exchanges, greeting: "hello")
        let socket = try connect([
            .socks5(peer.endpoint), .httpConnect(.tcp("two.example", port: 3128)),
        ])
        #expect(try socket.receive(atMost: 100, timeout: .seconds(20)) == Array("hello".utf8))
        socket.close()
        #expect(try peer.script.value() == exchanges.map(\.request) + [[]])
    }

    @Test("the error of a chain names the proxy that failed and its destination")
    func failingChain() throws {
        let peer = try ProxyPeer.replying([
            ProxyCase.greeting, ProxyExchange(ProxyCase.secondProxy, [5, 4]),
        ])
        let error = try failure(of: [
            .socks5(peer.endpoint), .httpConnect(.tcp("two.example", port: 3128)),
        ])
        #expect(
            "\(error)" == "cannot connect to db.example:5432: the proxy socks5://\(peer.endpoint),"
                + " on the way to two.example:3128, cannot connect: host unreachable"
                + " (SOCKS5 reply 4)")
        _ = try? peer.script.value()
    }

    @Test("the error names a proxy that refuses connections, and lists the attempts")
    func refusingProxy() throws {
        let (holder, address) = try Loopback.refusingPort()
        let error = try failure(of: .socks5(.tcp("127.0.0.1", port: address.port ?? 0)))
        #expect(error.errno == .connectionRefused)
        #expect(error.attempts.map(\.address) == [address])
        #expect(error.proxyStep?.destination == nil)
        #expect(
            "\(error)" == "cannot connect to db.example:5432: the proxy socks5://\(address) cannot"
                + " be reached: connection refused (tried 127.0.0.1)")
        withExtendedLifetime(holder) {}
    }

    @Test("the error names a proxy that resets the connection")
    func reset() throws {
        let peer = try ProxyPeer.start { stream in
            _ = try stream.readExactly(3, timeout: .seconds(20))
            try stream.setOption(.linger, to: .zero)
            try stream.close()
        }
        let error = try failure(of: .socks5(peer.endpoint))
        #expect(error.errno == .connectionReset)
        #expect(
            "\(error)" == "cannot connect to db.example:5432: the proxy socks5://\(peer.endpoint)"
                + " broke the connection: connection reset by peer")
        try peer.script.value()
    }

    @Test("the time limit covers the replies of the proxy, and the error names the proxy")
    func silentProxy() throws {
        let peer = try ProxyPeer.replying([ProxyCase.greeting, ProxyCase.socks5([])])
        let start = ContinuousClock.now
        let error = try #require(throws: SocketError.self) {
            try Socket(
                to: .tcp("db.example", port: 5432), timeout: .milliseconds(500),
                options: .init(through: .socks5(peer.endpoint)))
        }
        let duration = start.duration(to: .now)
        #expect(duration >= .milliseconds(500) && duration < .seconds(10))
        #expect(error.cause == .timedOut(limit: .milliseconds(500)))
        #expect(
            "\(error)" == "cannot connect to db.example:5432: the proxy socks5://\(peer.endpoint)"
                + " did not answer in 0.5 s")
        _ = try peer.script.value()
    }

    @Test("a password of 256 bytes is rejected before the connection to the proxy")
    func invalidPassword() throws {
        let (holder, address) = try Loopback.refusingPort()
        let proxy = Proxy.socks5(
            .tcp("127.0.0.1", port: address.port ?? 0), user: "a",
            password: String(repeating: "p", count: 256))
        let error = try failure(of: proxy)
        #expect(
            "\(error)" == "cannot connect to db.example:5432: the proxy socks5://\(address) cannot"
                + " be used: the password must have at most 255 bytes")
        withExtendedLifetime(holder) {}
    }

    @Test("a connection to a SocketAddress also goes through the proxy")
    func address() throws {
        let request: [UInt8] = [5, 1, 0, 1, 192, 0, 2, 7, 0, 80]
        let exchanges = [
            ProxyCase.greeting, ProxyExchange(request, ProxyCase.connected),
        ]
        let peer = try ProxyPeer.replying(exchanges)
        let socket = try Socket(
            to: .ipv4(IPv4Address(192, 0, 2, 7), port: 80), timeout: .seconds(20),
            options: .init(through: .socks5(peer.endpoint)))
        #expect("\(socket.remoteAddress)" == "\(peer.endpoint)")
        socket.close()
        #expect(try peer.script.value() == exchanges.map(\.request) + [[]])
    }

    @Test("datagram and Unix sockets reject a proxy but ignore the proxy of the environment")
    func otherTransports() throws {
        let proxy = Proxy.socks5(.tcp("127.0.0.1", port: 1))
        for target in [Endpoint.udp("127.0.0.1", port: 7), .unix("/x"), .unixDatagram("/x")] {
            let error = try failure(of: proxy, to: target)
            #expect(
                error.cause == .invalidInput("a proxy can connect only to tcp:// endpoints"))
        }
        let address = SocketAddress.ipv4(.loopback, port: 7)
        let error = try #require(throws: SocketError.self) {
            try Socket(to: address, type: .datagram, options: .init(through: proxy))
        }
        #expect(
            "\(error)" == "cannot connect to udp://127.0.0.1:7: the proxy socks5://127.0.0.1:1"
                + " cannot be used: a proxy can connect only to tcp:// endpoints")
        let listener = try Socket(on: .unix("@" + Loopback.unixPath()))
        let client = try Socket(
            to: listener.localAddress, options: .init(through: .fromEnvironment))
        #expect(client.remoteAddress == listener.localAddress)
    }

    @Test("TLS through a proxy verifies the name of the target", .needsOpenSSL)
    func tls() throws {
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
        let stream = try SocketStream(
            to: .tcp("localhost", port: 443), timeout: .seconds(20),
            tls: .client(trust: try Certificates.trust()),
            options: .init(through: .httpConnect(peer.endpoint)))
        #expect(stream.tls?.serverName == "localhost")
        #expect(try stream.readLine(timeout: .seconds(20)) == "hello")
        try stream.write("bye\n")
        try stream.close()
        #expect(try peer.script.value() == "bye")
    }

    @Test("TLS through a proxy rejects a certificate for another name", .needsOpenSSL)
    func wrongName() throws {
        let server = try TLSPeers.server()
        let peer = try ProxyPeer.start { stream in
            _ = try ProxyPeer.play(
                [ProxyCase.http("HTTP/1.1 200 OK\r\n\r\n")], on: stream)
            try? stream.startTLS(server)
        }
        let error = try #require(throws: SocketError.self) {
            try Socket(
                to: .tcp("db.example", port: 5432), timeout: .seconds(20),
                tls: .client(trust: try Certificates.trust()),
                options: .init(through: .httpConnect(peer.endpoint)))
        }
        guard case .tls(.wrongHost(expected: "db.example", _)) = error.cause else {
            Issue.record(error)
            return
        }
        #expect(error.operation == .startTLS)
        #expect(error.proxyStep == nil)
        try peer.script.value()
    }

    @Test(
        "TLS to an address through a proxy rejects a certificate for the proxy's address",
        .needsOpenSSL)
    func wrongAddress() throws {
        // The certificate is for 127.0.0.1, the address of the proxy.
        let server = try TLSPeers.server()
        let peer = try ProxyPeer.start { stream in
            let request = "CONNECT 192.0.2.7:443 HTTP/1.1\r\nHost: 192.0.2.7:443\r\n\r\n"
            _ = try ProxyPeer.play(
                [ProxyExchange(request, "HTTP/1.1 200 OK\r\n\r\n")], on: stream)
            try? stream.startTLS(server)
        }
        let error = try #require(throws: SocketError.self) {
            try Socket(
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
        try peer.script.value()
    }

    @Test("a TLS session is resumed through another proxy", .needsOpenSSL)
    func resumption() throws {
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
            let stream = try SocketStream(
                to: .tcp("localhost", port: 443), timeout: .seconds(20), tls: client,
                options: .init(through: .httpConnect(peer.endpoint)))
            #expect(stream.tls?.isResumed == isResumed)
            #expect(try stream.readLine(timeout: .seconds(20)) == "hello")
            try stream.close()
            try peer.script.value()
        }
    }

    @Test("the time limit covers the proxies and the TLS handshake together", .needsOpenSSL)
    func deadlineOfTLS() throws {
        let peer = try ProxyPeer.start { stream in
            _ = try stream.readUntil("\r\n\r\n", timeout: .seconds(20))
            // A proxy may need most of the limit. This is the condition of the test, not a wait for
            // an event.
            usleep(1_500_000)
            try stream.write("HTTP/1.1 200 OK\r\n\r\n")
            try stream.flush()
            _ = try stream.readToEnd(limit: 1 << 16, timeout: .seconds(20))
        }
        let start = ContinuousClock.now
        let error = try #require(throws: SocketError.self) {
            try Socket(
                to: .tcp("db.example", port: 5432), timeout: .seconds(2), tls: .client(),
                options: .init(through: .httpConnect(peer.endpoint)))
        }
        let duration = start.duration(to: .now)
        #expect(error.isTimeout)
        #expect(error.operation == .startTLS)
        #expect(duration >= .seconds(2) && duration < .seconds(3))
        try peer.script.value()
    }

    @Test("the proxy of the environment is used if it applies to the target")
    func environment() async {
        // Run in a separate process, because the environment belongs to the whole process.
        await #expect(processExitsWith: .success) {
            let exchanges = [
                ProxyCase.greeting, ProxyCase.socks5(ProxyCase.connected),
            ]
            let peer = try ProxyPeer.replying(exchanges)
            setenv("all_proxy", "socks5h://\(peer.endpoint)", 1)
            setenv("no_proxy", "localhost,127.0.0.0/8", 1)
            let direct = try Socket(on: Loopback.ipv4)
            let options = ConnectOptions(through: .fromEnvironment)
            let near = try Socket(to: direct.localAddress, options: options)
            #expect(near.remoteAddress == direct.localAddress)
            let far = try Socket(
                to: .tcp("db.example", port: 5432), timeout: .seconds(20), options: options)
            #expect("\(far.remoteAddress)" == "\(peer.endpoint)")
            far.close()
            _ = try peer.script.value()
            setenv("all_proxy", "gopher://alice:secret@proxy.example", 1)
            let error = try #require(throws: SocketError.self) {
                try Socket(to: .tcp("db.example", port: 5432), options: options)
            }
            #expect(
                "\(error)" == "cannot parse proxy 'gopher://proxy.example' of the variable"
                    + " all_proxy: expected http, socks4, socks4a, socks5 or socks5h before ://")
        }
    }
}
