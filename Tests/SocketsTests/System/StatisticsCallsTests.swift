import Glibc
import Testing

@testable import Sockets

@Suite("What the kernel tells to those who only look")
struct FigureCallsTests {
    @Test("TCP_INFO is as long as this kernel makes it")
    func length() throws {
        let (client, peer) = try RawSockets.connection()
        let info = try #require(System.tcpInfo(client.number))
        // The structure of 2006, which every kernel fills; the room for it has not been used up.
        #expect(info.count >= 104)
        #expect(info.count < 512)
        withExtendedLifetime(peer) {}
    }

    @Test("sockets other than TCP have no TCP_INFO")
    func noInfo() throws {
        let (one, peer) = try RawSockets.pair()
        #expect(System.tcpInfo(one.number) == nil)
        #expect(System.tcpInfo(try RawSockets.bound(.datagram).number) == nil)
        withExtendedLifetime(peer) {}
    }

    @Test("what was sent and not read is unread at the other end")
    func unread() throws {
        let (client, server) = try RawSockets.connection()
        _ = try System.send(client.number, "hello")
        // The kernel hands it over within the call on loopback.
        #expect(System.queueLength(server.number, .receiveQueue) == 5)
        #expect(System.queueLength(client.number, .receiveQueue) == 0)
        #expect(try System.recv(server.number, atMost: 9) == "hello")
        #expect(System.queueLength(server.number, .receiveQueue) == 0)
    }

    @Test("what the peer has no room for is queued, and not sent")
    func queued() throws {
        let (client, peer) = try RawSockets.connection()
        #expect(throws: Errno.wouldBlock) { try RawSockets.fill(client) }
        #expect(try #require(System.queueLength(client.number, .sendQueue)) > 100_000)
        #expect(try #require(System.queueLength(client.number, .notSent)) > 100_000)
        withExtendedLifetime(peer) {}
    }

    @Test("a Unix socket tells what is queued, and not what is unsent")
    func unix() throws {
        let (one, other) = try RawSockets.pair()
        _ = try System.send(one.number, "hello")
        #expect(System.queueLength(other.number, .receiveQueue) == 5)
        // Counted with what it takes to keep them.
        #expect(try #require(System.queueLength(one.number, .sendQueue)) >= 5)
        #expect(System.queueLength(one.number, .notSent) == nil)
    }

    @Test("a socket that listens has no queues")
    func listening() throws {
        let (listener, _) = try RawSockets.listener()
        #expect(System.queueLength(listener.number, .receiveQueue) == nil)
        #expect(System.queueLength(listener.number, .sendQueue) == nil)
    }

    @Test("the limits of the buffers are those that were set, as the kernel counts")
    func limits() throws {
        let (one, peer) = try RawSockets.pair()
        try System.setOption(one.number, .sendBufferSize, 20_000)
        #expect(System.bufferLimit(one.number, .sendBufferSize) == 40_000)
        #expect(try #require(System.bufferLimit(one.number, .receiveBufferSize)) > 0)
        withExtendedLifetime(peer) {}
    }

    @Test("a fresh connection is writable, and nothing has ended")
    func fresh() throws {
        let (client, peer) = try RawSockets.connection()
        #expect(System.condition(client.number) == [.writable])
        withExtendedLifetime(peer) {}
    }

    @Test("a full socket is not writable")
    func full() throws {
        let (one, peer) = try RawSockets.pair()
        #expect(throws: Errno.wouldBlock) { try RawSockets.fill(one) }
        #expect(System.condition(one.number) == [])
        withExtendedLifetime(peer) {}
    }

    @Test("a peer that has ended its half is seen")
    func ended() throws {
        let (one, other) = try RawSockets.pair()
        try System.shutdown(other.number, .writing)
        #expect(System.condition(one.number) == [.writable, .peerHasEnded])
    }

    @Test("looking leaves the error of a broken connection to whoever uses it")
    func errorStays() throws {
        let (listener, address) = try RawSockets.listener()
        let client = try RawSockets.make(.ipv4, .stream)
        try System.connect(client.number, address)
        let peer = try System.accept(listener.number).descriptor
        // Closed without lingering, which resets the connection at once.
        try System.setLinger(peer, 0)
        System.close(peer)
        var requests = [PollRequest(descriptor: client.number, isForWriting: false)]
        try System.poll(&requests, milliseconds: 10_000)

        _ = System.tcpInfo(client.number)
        _ = System.queueLength(client.number, .receiveQueue)
        _ = System.queueLength(client.number, .sendQueue)
        let condition = try #require(System.condition(client.number))
        #expect(condition.isSuperset(of: [.hungUp, .broken]))
        #expect(try System.takeError(client.number) == .connectionReset)
    }

    @Test("a descriptor that is none gives no statistics, and stops nobody")
    func noDescriptor() {
        #expect(System.tcpInfo(-1) == nil)
        #expect(System.queueLength(-1, .receiveQueue) == nil)
        #expect(System.bufferLimit(-1, .sendBufferSize) == nil)
    }
}
