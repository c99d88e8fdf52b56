import Testing

@testable import Sockets

@Suite("Socket", .ownThread)
struct SocketTests {
    @Test("Socket(_:_:) creates a socket of each family and type that Linux supports")
    func eachFamilyAndKind() throws {
        for family in AddressFamily.allCases {
            for kind in SocketType.allCases where family == .unix || kind != .sequencedPacket {
                let socket = try Socket(family, kind)
                #expect(socket.family == family)
                #expect(socket.type == kind)
                #expect(try socket.option(.type) == kind)
            }
        }
    }

    @Test("creating a socket of an unsupported type throws a `createSocket` error with an errno")
    func unsupportedKind() throws {
        let error = #expect(throws: SocketError.self) { try Socket(.ipv4, .sequencedPacket) }
        #expect(error?.operation == .createSocket)
        #expect(error?.errno != nil)
    }

    @Test("pair returns two connected sockets of each type")
    func pair() throws {
        for kind in SocketType.allCases {
            let (one, other) = try Socket.pair(kind)
            try one.send("ping")
            #expect(try other.receive(atMost: 100) == Array("ping".utf8))
            #expect(one.remoteAddress == .unnamed)
        }
    }

    @Test("calls on a closed socket throw `closed`, and a second close has no effect")
    func closedSocketThrows() throws {
        let (one, _) = try Socket.pair()
        one.close()
        one.close()
        #expect(one.isClosed)
        #expect(throws: SocketError.self) { try one.send("x") }
        for attempt in [
            { _ = try one.send("x") }, { _ = try one.receive() }, { try one.sendAll("x") },
            { _ = try one.receiveFrom() }, { try one.shutdown(.both) }, { _ = try one.accept() },
            { _ = try one.option(.error) }, { _ = try one.duplicate() }, { _ = try one.release() },
        ] as [() throws -> Void] {
            let error = #expect(throws: SocketError.self) { try attempt() }
            #expect(error?.cause == .closed)
        }
    }

    @Test("releasing the last reference to a socket closes the descriptor")
    func droppedSocketCloses() throws {
        let (one, other) = try Socket.pair()
        var dropped: Socket? = one
        _ = consume one
        dropped = nil
        _ = dropped
        #expect(try other.receive(timeout: .seconds(5)).isEmpty)
    }

    @Test("shutdown(.write) ends the peer's stream and keeps the other direction open")
    func halfClose() throws {
        let (client, server) = try Loopback.tcpPair()
        try client.sendAll("request")
        try client.shutdown(.write)
        #expect(try server.receive() == Array("request".utf8))
        #expect(try server.receive().isEmpty)
        try server.sendAll("reply")
        #expect(try client.receive() == Array("reply".utf8))
        let error = #expect(throws: SocketError.self) { try client.send("more") }
        #expect(error?.errno == .brokenPipe)
    }

    @Test("the addresses of both ends match, and localAddress remains available after close")
    func addresses() throws {
        let (client, server) = try Loopback.tcpPair()
        #expect(client.localAddress == server.remoteAddress)
        #expect(client.remoteAddress == server.localAddress)
        let address = client.localAddress
        client.close()
        #expect(client.localAddress == address)
    }

    @Test("an unbound datagram socket has port 0 until a send binds a port")
    func unboundAddress() throws {
        let receiver = try Loopback.udp()
        let sender = try Socket(.ipv4, .datagram)
        #expect(sender.localAddress.port == 0)
        try sender.send("x", to: receiver.localAddress)
        #expect(sender.localAddress.port != 0)
        #expect(sender.remoteAddress == .unnamed)
    }

    @Test(
        "close wakes a thread that waits in a call, and the call throws `closed`",
        arguments: [
            "receive", "receive with a limit", "receiveFrom", "accept", "send", "Unix accept",
        ])
    func closeWakes(_ what: String) throws {
        let (waiter, wait, keep) = try Self.waiter(what)
        let background = Background { () -> SocketError? in
            do {
                try wait(waiter)
                return nil
            } catch let error as SocketError {
                return error
            }
        }
        try waitUntilAThreadWaits(on: waiter)
        waiter.close()
        #expect(try background.value()?.cause == .closed)
        withExtendedLifetime(keep) {}
    }

    private static func waiter(
        _ what: String
    ) throws -> (Socket, @Sendable (Socket) throws -> Void, [Socket]) {
        switch what {
        case "receive":
            let (client, server) = try Loopback.tcpPair()
            return (client, { _ = try $0.receive() }, [server])
        case "receive with a limit":
            let (client, server) = try Loopback.tcpPair()
            return (client, { _ = try $0.receive(timeout: .seconds(60)) }, [server])
        case "receiveFrom":
            return (try Loopback.udp(), { _ = try $0.receiveFrom() }, [])
        case "accept":
            let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
            return (listener, { _ = try $0.accept() }, [])
        case "Unix accept":
            let listener = try Socket(on: .unix(Loopback.unixPath()))
            return (listener, { _ = try $0.accept() }, [])
        default:
            let (client, server) = try Loopback.tcpPair()
            _ = try Loopback.fill(client)
            return (client, { try $0.sendAll("more than fits") }, [server])
        }
    }

    @Test("close wakes a Unix datagram send that waits for a full peer")
    func closeWakesUnixDatagramSend() throws {
        let (sender, receiver) = try Socket.pair(.datagram)
        _ = try Loopback.fill(sender)
        let background = Background { () -> SocketError.Cause? in
            do throws(SocketError) {
                try sender.send([UInt8](repeating: 0, count: 65536))
                return nil
            } catch {
                return error.cause
            }
        }
        try waitUntilAThreadWaits(on: sender)
        sender.close()
        #expect(try background.value() == .closed)
        withExtendedLifetime(receiver) {}
    }

    @Test("two connected sockets send and receive 8 MiB in both directions at the same time")
    func fullDuplex() throws {
        let (client, server) = try Loopback.tcpPair()
        let size = 8 << 20
        let echo = Background { try Self.sendAndReceive(server, size, 1) }
        #expect(try Self.sendAndReceive(client, size, 2) == 1)
        #expect(try echo.value() == 2)
    }

    /// Sends `size` bytes with the value `byte` while receiving as many, and returns the received
    /// value.
    private static func sendAndReceive(
        _ socket: Socket, _ size: Int, _ byte: UInt8
    ) throws -> UInt8 {
        let sending = Background { try socket.sendAll([UInt8](repeating: byte, count: size)) }
        var received: [UInt8] = []
        while received.count < size {
            guard try socket.receive(appendingTo: &received) > 0 else { break }
        }
        try sending.value()
        #expect(received.count == size)
        #expect(Set(received).count == 1)
        return received.first ?? 0
    }

    @Test("10,000 rounds of connect, exchange and close leak no socket")
    func noDescriptorLeaks() async {
        // Run in a separate process, where no other test opens or closes descriptors.
        await #expect(processExitsWith: .success) {
            let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
            let before = openSockets()
            for _ in 0..<10_000 {
                let client = try Socket(to: listener.localAddress)
                // A reset instead of an orderly end keeps the ports from running out.
                try client.setOption(.linger, to: .zero)
                let server = try listener.accept(timeout: .seconds(10))
                try client.sendAll("ping")
                try #require(try server.receive(atMost: 4) == Array("ping".utf8))
                try server.sendAll("pong")
                try #require(try client.receive(atMost: 4) == Array("pong".utf8))
                client.close()
                server.close()
            }
            try #require(openSockets() == before)
        }
    }

    @Test("a receive that races close returns the sent bytes or throws `closed`")
    func closeRacesReceive() throws {
        for round in 0..<500 {
            let (one, other) = try Socket.pair()
            let background = Background { () -> SocketError.Cause? in
                do throws(SocketError) {
                    let bytes = try one.receive()
                    return bytes == [7] ? nil : .invalidInput("\(bytes)")
                } catch {
                    return error.cause
                }
            }
            if round % 2 == 0 { try other.send([7]) }
            one.close()
            let cause = try background.value()
            #expect(cause == nil || cause == .closed)
        }
    }
}
