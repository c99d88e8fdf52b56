import Testing

@testable import Sockets

@Suite("Connecting to an endpoint", .ownThread)
struct SocketConnectedTests {
    @Test("a name is resolved, and each of its addresses tried until one answers")
    func triesEveryAddress() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let port = try #require(listener.localAddress.port)
        // Without a host this machine is meant: ::1, where nobody listens, and then 127.0.0.1.
        let client = try Socket(to: .tcp(port: Port(port)))
        #expect(client.remoteAddress == listener.localAddress)
        #expect(try listener.accept(timeout: .seconds(5)).remoteAddress == client.localAddress)
    }

    @Test("if no address answers, the error tells of each attempt and how long it took")
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

    @Test("a failed or timed out connect leaves no socket behind")
    func noDescriptorLeaks() async {
        // In a process of its own, where no other test opens and closes any.
        await #expect(processExitsWith: .success) {
            let (holder, address) = try Loopback.refusingPort()
            let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
            let guest = try Socket(to: full.localAddress)
            let before = openSockets()
            for _ in 0..<500 {
                _ = #expect(throws: SocketError.self) { try Socket(to: address) }
                _ = #expect(throws: SocketError.self) {
                    try Socket(to: full.localAddress, timeout: .seconds(0))
                }
            }
            try #require(openSockets() == before)
            withExtendedLifetime((holder, guest)) {}
        }
    }

    @Test("a socket that has been connected waits by itself again")
    func isBlocking() throws {
        let (client, server) = try Loopback.tcpPair()
        let background = Background { try client.receive() }
        try waitUntilAThreadWaits(on: client)
        try server.sendAll("x")
        #expect(try background.value() == [0x78])
    }

    @Test("a connect can start from an address and port of one's own")
    func fromLocal() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let (holder, own) = try Loopback.refusingPort()
        holder.close()
        let client = try Socket(to: listener.localAddress, options: .init(localAddress: own))
        #expect(client.localAddress == own)
    }

    @Test("an endpoint decides the kind of the socket")
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

    @Test("a family that the host does not have is refused by the resolver")
    func family() throws {
        let error = #expect(throws: SocketError.self) {
            try Socket(to: .tcp("127.0.0.1", port: 80), options: .init(family: .ipv6))
        }
        #expect(error?.endpoint == .tcp("127.0.0.1", port: 80))
        #expect(error?.attempts.isEmpty == true)
    }

    @Test("connecting to oneself is an error here, too, and not the winner of the race")
    func selfConnect() throws {
        let (holder, own) = try Loopback.refusingPort()
        holder.close()
        let error = #expect(throws: SocketError.self) {
            try Socket(to: own, options: .init(localAddress: own))
        }
        #expect(error?.cause == .selfConnect)
    }

    @Test("socket options are set on each attempt, and a refused one is named in the error")
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
