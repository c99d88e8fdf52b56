import Testing

@testable import Sockets

@Suite("Socket(to:)", .ownThread)
struct SocketConnectedTests {
    @Test("Socket(to:) tries the addresses of a name until one accepts")
    func triesEveryAddress() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let port = try #require(listener.localAddress.port)
        // An empty host means this machine: ::1, where no socket listens, and then 127.0.0.1.
        let client = try Socket(to: .tcp(port: Port(port)))
        #expect(client.remoteAddress == listener.localAddress)
        #expect(try listener.accept(timeout: .seconds(5)).remoteAddress == client.localAddress)
    }

    @Test("the connect error lists every attempt with its address, cause and duration")
    func everyAttempt() throws {
        let (holder, address) = try Loopback.refusingPort()
        let port = try #require(address.port)
        let error = try #require(
            #expect(throws: SocketError.self) { try Socket(to: .tcp(port: Port(port))) })
        #expect(error.errno == .connectionRefused)
        #expect(error.attempts.map(\.address.ip) == [.v6(.loopback), .v4(.loopback)])
        #expect(error.attempts.allSatisfy { $0.cause == .system(.connectionRefused) })
        #expect(error.attempts.allSatisfy { $0.duration < .seconds(1) })
        #expect(
            error.description
                == "cannot connect to :\(port): connection refused (tried ::1, 127.0.0.1)")
        withExtendedLifetime(holder) {}
    }

    @Test("a failed or timed-out connect leaks no descriptor")
    func noDescriptorLeaks() async {
        // Run in a separate process, where no other test opens or closes descriptors.
        await #expect(processExitsWith: .success) {
            let (holder, address) = try Loopback.refusingPort()
            let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
            let queued = try Socket(to: full.localAddress)
            let before = openSockets()
            for _ in 0..<500 {
                _ = #expect(throws: SocketError.self) { try Socket(to: address) }
                _ = #expect(throws: SocketError.self) {
                    try Socket(to: full.localAddress, timeout: .seconds(0))
                }
            }
            try #require(openSockets() == before)
            withExtendedLifetime((holder, queued)) {}
        }
    }

    @Test("a connect to a full Unix backlog times out with its limit")
    func fullUnixBacklog() throws {
        let path = "@" + Loopback.unixPath()
        let full = try Socket(on: .unix(path), options: .init(backlog: 0))
        let guest = try Socket(to: full.localAddress)
        let limit = Duration.milliseconds(30)
        let connects: [() throws -> Void] = [
            { _ = try Socket(to: .unix(path), timeout: TimeLimit(limit)) },
            { _ = try Socket(to: full.localAddress, timeout: TimeLimit(limit)) },
            { _ = try SocketStream(to: .unix(path), timeout: TimeLimit(limit)) },
            { try Socket(.unix).connect(to: full.localAddress, timeout: TimeLimit(limit)) },
        ]
        for connect in connects {
            let error = #expect(throws: SocketError.self) { try connect() }
            #expect(error?.cause == .timedOut(limit: limit))
        }
        withExtendedLifetime(guest) {}
    }

    @Test("receive on a connected socket waits until bytes arrive")
    func isBlocking() throws {
        let (client, server) = try Loopback.tcpPair()
        let background = Background { try client.receive() }
        try waitUntilAThreadWaits(on: client)
        try server.sendAll("x")
        #expect(try background.value() == [0x78])
    }

    @Test("the localAddress option binds the socket before connect")
    func fromLocal() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let (holder, own) = try Loopback.refusingPort()
        holder.close()
        let client = try Socket(to: listener.localAddress, options: .init(localAddress: own))
        #expect(client.localAddress == own)
    }

    @Test("the endpoint determines the type of the connected socket")
    func kinds() throws {
        let receiver = try Loopback.udp()
        let port = Port(try #require(receiver.localAddress.port))
        let udp = try Socket(to: .udp("127.0.0.1", port: port))
        #expect(udp.type == .datagram)
        #expect(udp.remoteAddress == receiver.localAddress)
        let path = "@" + Loopback.unixPath()
        let listener = try Socket(on: .unixSequencedPacket(path))
        #expect(try Socket(to: .unixSequencedPacket(path)).type == .sequencedPacket)
        withExtendedLifetime(listener) {}
    }

    @Test(
        "connecting to a host without an address of the requested family throws without an attempt")
    func family() throws {
        let error = #expect(throws: SocketError.self) {
            try Socket(to: .tcp("127.0.0.1", port: 80), options: .init(family: .ipv6))
        }
        #expect(error?.endpoint == .tcp("127.0.0.1", port: 80))
        #expect(error?.attempts.isEmpty == true)
    }

    @Test("Socket(to:) throws `selfConnect` if the destination is the socket's own local address")
    func selfConnect() throws {
        let (holder, own) = try Loopback.refusingPort()
        holder.close()
        let error = #expect(throws: SocketError.self) {
            try Socket(to: own, options: .init(localAddress: own))
        }
        #expect(error?.cause == .selfConnect)
    }

    @Test("Socket(to:) sets socket options, and the error names an option that the kernel refuses")
    func socketOptions() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let options = ConnectOptions(socketOptions: [
            .set(.keepAlive, to: true), .set(.noDelay, to: true),
        ])
        let client = try Socket(
            to: .tcp(port: Port(try #require(listener.localAddress.port))), options: options)
        #expect(try client.option(.keepAlive))
        #expect(try client.option(.noDelay))
        let error = #expect(throws: SocketError.self) {
            try Socket(
                to: listener.localAddress, options: .init(socketOptions: [.set(.error, to: nil)]))
        }
        #expect(error?.operation == .setOption)
        #expect(error?.subject == "error")
    }
}
