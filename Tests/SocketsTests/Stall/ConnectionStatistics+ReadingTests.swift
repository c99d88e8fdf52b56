import Testing

@testable import Sockets

@Suite("Looking at a descriptor")
struct SocketFiguresLookingTests {
    @Test("a fresh TCP connection is established, with empty queues and open windows")
    func fresh() throws {
        let (client, peer) = try RawSockets.connection()
        let figures = ConnectionStatistics(lookingAt: client.number)
        #expect(figures.state == .established)
        #expect(figures.queued == 0)
        #expect(figures.unsent == 0)
        #expect(figures.unread == 0)
        #expect(figures.isWritable == true)
        #expect(figures.hasPeerEnded == false)
        #expect(figures.isHungUp == false)
        #expect(figures.takenAt > .zero)
        withExtendedLifetime(peer) {}
    }

    @Test("of a full TCP connection the figures agree with each other")
    func full() throws {
        let (client, peer) = try RawSockets.connection()
        #expect(throws: Errno.wouldBlock) { try RawSockets.fill(client) }
        let figures = ConnectionStatistics(lookingAt: client.number)
        let queued = try #require(figures.queued)
        #expect(queued > 0)
        #expect(try #require(figures.unacknowledged) <= queued)
        #expect(figures.isWritable == false)
        withExtendedLifetime(peer) {}
    }

    @Test("of a Unix socket queues and ends are known, and no windows")
    func unix() throws {
        let (one, other) = try RawSockets.pair()
        _ = try System.send(one.number, "hello")
        let (sender, receiver) = (
            ConnectionStatistics(lookingAt: one.number),
            ConnectionStatistics(lookingAt: other.number)
        )
        #expect(receiver.unread == 5)
        #expect(try #require(sender.queued) >= 5)
        #expect(sender.state == nil)
        #expect(sender.peerWindow == nil)
        #expect(sender.sinceDataSent == nil)
    }
}
