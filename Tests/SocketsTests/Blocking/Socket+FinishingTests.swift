import SystemPackage
import Testing

@testable import Sockets

@Suite("Socket: finish", .ownThread)
struct SocketFinishingTests {
    @Test(
        "finish lets a peer whose bytes were not read receive the answer and EOF",
        arguments: [true, false])
    func unreadBytes(overTCP: Bool) throws {
        for _ in 0..<20 {
            let (socket, peer) = try Loopback.streamPair(overTCP: overTCP)
            let asking = FinishingPeer.asking(peer)
            _ = try socket.receive(atMost: 10)
            try socket.sendAll("answer")
            socket.finish(timeout: .seconds(30))
            #expect(socket.isClosed)
            #expect(try asking.value() == Array("answer".utf8))
        }
    }

    @Test("finish sends EOF at once, and returns at its timeout if the peer does not close")
    func timeout() throws {
        let (socket, peer) = try Loopback.tcpPair()
        let start = ContinuousClock.now
        let finishing = Background { socket.finish(timeout: .milliseconds(300)) }
        #expect(try peer.receive(timeout: .seconds(10)).isEmpty)
        #expect(!socket.isClosed)
        try finishing.value()
        #expect(start.duration(to: .now) >= .milliseconds(300))
        #expect(socket.isClosed)
    }

    @Test("finish returns even if the peer never stops sending")
    func flood() throws {
        let (socket, peer) = try Loopback.tcpPair()
        let flooding = FinishingPeer.flooding(peer)
        socket.finish(timeout: .seconds(30))
        #expect(socket.isClosed)
        #expect(FinishingPeer.floodedBytes.contains(try flooding.value()))
    }

    @Test("with linger zero, finish resets at once")
    func lingerZero() throws {
        let (socket, peer) = try Loopback.tcpPair()
        try socket.setOption(.linger, to: .zero)
        socket.finish(timeout: .seconds(60))
        let error = #expect(throws: SocketError.self) { try peer.receive() }
        #expect(error?.errno == .connectionReset)
    }

    @Test("finish returns at once on a datagram socket, an unconnected socket or a closed socket")
    func others() throws {
        let (datagram, peer) = try Socket.pair(.datagram)
        let sockets = [datagram, try Socket(.ipv4, .datagram), try Socket(.ipv4, .stream)]
        for socket in sockets {
            socket.finish(timeout: .seconds(60))
            #expect(socket.isClosed)
            socket.finish(timeout: .seconds(60))
        }
        withExtendedLifetime(peer) {}
    }
}
