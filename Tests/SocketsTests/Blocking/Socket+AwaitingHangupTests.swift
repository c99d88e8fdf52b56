import SystemPackage
import Testing

@testable import Sockets

@Suite("Socket: awaitHangup", .ownThread)
struct SocketAwaitingHangupTests {
    @Test(
        "awaitHangup receives no bytes, and returns when the peer half-closes, closes or resets",
        arguments: [
            { try $0.shutdown(.write) }, { $0.close() }, { $0.abort() },
        ] as [@Sendable (Socket) throws -> Void], [true, false])
    func returns(end: @Sendable (Socket) throws -> Void, overTCP: Bool) throws {
        for endsBefore in [false, true] {
            let (peer, socket) = try Loopback.streamPair(overTCP: overTCP)
            try peer.sendAll("last")
            if endsBefore { try end(peer) }
            let waiting = Background { try socket.awaitHangup(timeout: .seconds(20)) }
            if !endsBefore {
                try waitUntilAThreadWaits(on: socket)
                try end(peer)
            }
            try waiting.value()
            #expect(try socket.readAll(4) == Array("last".utf8))
        }
    }

    @Test("awaitHangup returns after a reset, and the next receive throws it")
    func leavesTheReset() throws {
        let (peer, socket) = try Loopback.tcpPair()
        peer.abort()
        try SocketStream(socket).awaitHangup(timeout: .seconds(20))
        let error = #expect(throws: SocketError.self) { try socket.receive() }
        #expect(error?.errno == .connectionReset)
    }

    @Test("awaitHangup throws at its timeout and when another thread closes the socket")
    func ends() throws {
        let (peer, socket) = try Loopback.tcpPair()
        defer { peer.close() }
        let start = ContinuousClock.now
        let timeout = #expect(throws: SocketError.self) {
            try socket.awaitHangup(timeout: .milliseconds(50))
        }
        #expect(timeout?.cause == .timedOut(limit: .milliseconds(50)))
        #expect(start.duration(to: .now) >= .milliseconds(50))
        let waiting = Background { try socket.awaitHangup() }
        try waitUntilAThreadWaits(on: socket)
        socket.close()
        let error = #expect(throws: SocketError.self) { try waiting.value() }
        #expect(error?.cause == .closed)
    }

    @Test("awaitHangup rejects datagram sockets, listeners and unconnected sockets")
    func rejects() throws {
        let sockets = [
            try Loopback.udp(), try Socket(on: Loopback.ipv4), try Socket(.ipv4, .stream),
        ]
        let errors = sockets.map { socket in
            #expect(throws: SocketError.self) { try socket.awaitHangup(timeout: .seconds(1)) }
        }
        #expect(errors[0]?.cause == .invalidInput("a datagram socket has no connection"))
        #expect(errors[1]?.cause == .invalidInput("a listening socket has no connection"))
        #expect(errors[2]?.errno == .socketNotConnected)
        for error in errors { #expect(error?.operation == .awaitHangup) }
    }
}
