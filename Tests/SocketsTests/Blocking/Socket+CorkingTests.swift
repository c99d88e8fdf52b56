import Testing

@testable import Sockets

@Suite("Socket: corking", .ownThread)
struct SocketCorkingTests {
    private struct Refused: Error {}

    @Test("corked sets the option until its closure ends, even if the closure throws")
    func overTCP() throws {
        let (client, server) = try Loopback.tcpPair()
        try client.corked {
            #expect(try client.option(.cork))
            try client.sendAll("one")
            try client.sendAll("two")
        }
        #expect(try !client.option(.cork))
        #expect(try server.receive(timeout: .seconds(30)) == Array("onetwo".utf8))
        #expect(throws: Refused.self) { try client.corked { throw Refused() } }
        #expect(try !client.option(.cork))
    }

    @Test("on a Unix socket, corked runs its closure and sets no option")
    func overUnix() throws {
        let (peer, socket) = try Socket.pair()
        let result = try socket.corked {
            try socket.sendAll("one")
            return 7
        }
        #expect(result == 7)
        #expect(try peer.receive() == Array("one".utf8))
    }

    @Test("corked throws `closed` after close, without running its closure")
    func closed() throws {
        let (client, _) = try Loopback.tcpPair()
        client.close()
        let error = #expect(throws: SocketError.self) {
            try client.corked { Issue.record("expected no call") }
        }
        #expect(error?.cause == .closed)
    }

    @Test("corked refuses a UDP socket without running its closure")
    func overUDP() throws {
        let socket = try Loopback.udp()
        let error = #expect(throws: SocketError.self) {
            try socket.corked { Issue.record("expected no call") }
        }
        #expect(error?.operation == .setOption)
        #expect(error?.errno != nil)
    }
}
