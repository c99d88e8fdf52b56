import Testing

@testable import Sockets

@Suite("ConnectionStatistics: reading")
struct ConnectionStatisticsReadingTests {
    @Test("a new TCP connection is read as established with empty queues")
    func fresh() throws {
        let (client, peer) = try RawSockets.connection()
        let statistics = ConnectionStatistics(reading: client.number)
        #expect(statistics.state == .established)
        #expect(statistics.sendQueue == 0)
        #expect(statistics.notSent == 0)
        #expect(statistics.receiveQueue == 0)
        #expect(statistics.isWritable == true)
        #expect(statistics.hasPeerHalfClosed == false)
        #expect(statistics.isHungUp == false)
        #expect(statistics.takenAt > .zero)
        withExtendedLifetime(peer) {}
    }

    @Test("isPeerLocal is true for a connection over loopback")
    func local() throws {
        let (client, peer) = try RawSockets.connection()
        #expect(ConnectionStatistics(reading: client.number).isPeerLocal == true)
        withExtendedLifetime(peer) {}
    }

    @Test("isWritable is false for a full TCP connection, and the queue sizes are consistent")
    func full() throws {
        let (client, peer) = try RawSockets.connection()
        #expect(throws: Errno.wouldBlock) { try RawSockets.fill(client) }
        let statistics = ConnectionStatistics(reading: client.number)
        let queued = try #require(statistics.sendQueue)
        #expect(queued > 0)
        #expect(try #require(statistics.unacknowledgedBytes) <= queued)
        #expect(statistics.isWritable == false)
        withExtendedLifetime(peer) {}
    }

    @Test("the statistics of a Unix socket contain queue sizes, but neither windows nor times")
    func unix() throws {
        let (one, other) = try RawSockets.pair()
        _ = try System.send(one.number, "hello")
        let (sender, receiver) = (
            ConnectionStatistics(reading: one.number),
            ConnectionStatistics(reading: other.number)
        )
        #expect(receiver.receiveQueue == 5)
        #expect(try #require(sender.sendQueue) >= 5)
        #expect(sender.state == nil)
        #expect(sender.sendWindow == nil)
        #expect(sender.timeSinceLastSend == nil)
    }
}
