import Glibc
import Testing

@testable import Sockets

@Suite("Statistics calls")
struct StatisticsCallsTests {
    @Test("tcpInfo returns between 104 and 511 bytes for a TCP socket")
    func length() throws {
        let (client, peer) = try RawSockets.connection()
        let info = try #require(System.tcpInfo(client.number))
        // At least the structure of 2006, which every kernel fills, and less than the size of the
        // buffer.
        #expect(info.count >= 104)
        #expect(info.count < 512)
        withExtendedLifetime(peer) {}
    }

    @Test("tcpInfo returns nil for a socket that is not TCP")
    func noInfo() throws {
        let (one, peer) = try RawSockets.pair()
        #expect(System.tcpInfo(one.number) == nil)
        #expect(System.tcpInfo(try RawSockets.bound(.datagram).number) == nil)
        withExtendedLifetime(peer) {}
    }

    @Test("queueLength counts received bytes that are not yet read")
    func unread() throws {
        let (client, server) = try RawSockets.connection()
        _ = try System.send(client.number, "hello")
        // On loopback, the kernel delivers the bytes during the call.
        #expect(System.queueLength(server.number, .receiveQueue) == 5)
        #expect(System.queueLength(client.number, .receiveQueue) == 0)
        #expect(try System.recv(server.number, atMost: 9) == "hello")
        #expect(System.queueLength(server.number, .receiveQueue) == 0)
    }

    @Test("queueLength counts queued and unsent bytes if the peer's buffer is full")
    func queued() throws {
        let (client, peer) = try RawSockets.connection()
        #expect(throws: Errno.wouldBlock) { try RawSockets.fill(client) }
        #expect(try #require(System.queueLength(client.number, .sendQueue)) > 100_000)
        #expect(try #require(System.queueLength(client.number, .notSent)) > 100_000)
        withExtendedLifetime(peer) {}
    }

    @Test("a Unix socket has a send queue length but no unsent length")
    func unix() throws {
        let (one, other) = try RawSockets.pair()
        _ = try System.send(one.number, "hello")
        #expect(System.queueLength(other.number, .receiveQueue) == 5)
        // The figure includes the kernel's own memory for the bytes.
        #expect(try #require(System.queueLength(one.number, .sendQueue)) >= 5)
        #expect(System.queueLength(one.number, .notSent) == nil)
    }

    @Test("queueLength returns nil for a listening socket")
    func listening() throws {
        let (listener, _) = try RawSockets.listener()
        #expect(System.queueLength(listener.number, .receiveQueue) == nil)
        #expect(System.queueLength(listener.number, .sendQueue) == nil)
    }

    @Test("bufferLimit returns twice the buffer size that was set")
    func limits() throws {
        let (one, peer) = try RawSockets.pair()
        try System.setOption(one.number, .sendBufferSize, 20_000)
        #expect(System.bufferLimit(one.number, .sendBufferSize) == 40_000)
        #expect(try #require(System.bufferLimit(one.number, .receiveBufferSize)) > 0)
        withExtendedLifetime(peer) {}
    }

    @Test("the condition of a new connection is exactly `writable`")
    func fresh() throws {
        let (client, peer) = try RawSockets.connection()
        #expect(System.condition(client.number) == [.writable])
        withExtendedLifetime(peer) {}
    }

    @Test("`condition` returns an empty set if the send queue is full and no byte has arrived")
    func full() throws {
        let (one, peer) = try RawSockets.pair()
        #expect(throws: Errno.wouldBlock) { try RawSockets.fill(one) }
        #expect(System.condition(one.number) == [])
        withExtendedLifetime(peer) {}
    }

    @Test("the condition after a half-close by the peer contains peerHasEnded")
    func ended() throws {
        let (one, other) = try RawSockets.pair()
        try System.shutdown(other.number, .write)
        #expect(System.condition(one.number) == [.writable, .peerHasEnded])
    }

    @Test("reading statistics does not clear the error of a reset connection")
    func errorStays() throws {
        let (listener, address) = try RawSockets.listener()
        let client = try RawSockets.make(.ipv4, .stream)
        try System.connect(client.number, address)
        let peer = try System.accept(listener.number).descriptor
        // Linger 0 resets the connection at once.
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

    @Test("statistics of an invalid descriptor are nil, and the program continues")
    func noDescriptor() {
        #expect(System.tcpInfo(-1) == nil)
        #expect(System.queueLength(-1, .receiveQueue) == nil)
        #expect(System.bufferLimit(-1, .sendBufferSize) == nil)
    }
}
