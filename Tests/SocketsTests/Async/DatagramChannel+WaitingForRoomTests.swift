import Testing

@testable import Sockets

@Suite("DatagramChannel: waiting for room", .ownThread, .timeLimit(.minutes(5)))
struct DatagramChannelWaitingForRoomTests {
    /// Returns a Unix socket whose queue is full, and a channel that is not connected to it.
    ///
    /// If `isBound` is true, the channel has a path, so any sender can reach it.
    static func fullPeer(
        isBound: Bool = false
    ) async throws -> (peer: Socket, channel: DatagramChannel) {
        let peer = try Socket(on: .unixDatagram("@\(Loopback.unixPath())"))
        let channel = try DatagramChannel(
            adopting: isBound
                ? Socket(on: .unixDatagram("@\(Loopback.unixPath())")) : Socket(.unix, .datagram))
        var isFull = false
        while !isFull {
            do throws(SocketError) {
                try await channel.send("filling", to: peer.localAddress, timeout: .milliseconds(5))
            } catch {
                guard error.isTimeout else { throw error }
                isFull = true
            }
        }
        return (peer, channel)
    }

    @Test(
        "send waits until a Unix peer with a full queue receives",
        arguments: [false, true])
    func waitsForSpace(isConnected: Bool) async throws {
        let (peer, open) = try await Self.fullPeer()
        let address = peer.localAddress
        let channel = isConnected ? try DatagramChannel(to: address) : open
        let writer = Task {
            if isConnected {
                try await channel.send("at last")
            } else {
                try await channel.send("at last", to: address)
            }
        }
        await channel.untilWriting()
        _ = try peer.receive()
        try await writer.value
        var last = ""
        while let datagram = try? peer.receiveFrom(timeout: .milliseconds(0)) {
            last = datagram.text
        }
        #expect(last == "at last")
    }

    @Test("send to a full Unix peer times out no earlier than its limit")
    func fullUntilLimit() async throws {
        let (peer, channel) = try await Self.fullPeer()
        for limit in [0, 1, 30, 60] {
            let start = ContinuousClock.now
            let error = await #expect(throws: SocketError.self) {
                try await channel.send("x", to: peer.localAddress, timeout: .milliseconds(limit))
            }
            #expect(start.duration(to: .now) >= .milliseconds(limit))
            #expect(error?.cause == .timedOut(limit: .milliseconds(limit)))
            #expect(error?.remoteAddress == peer.localAddress)
        }
    }

    @Test("a full Unix peer does not delay sends to other peers, and a second send to it times out")
    func fullAndQueued() async throws {
        let (peer, channel) = try await Self.fullPeer()
        let address = peer.localAddress
        let writer = Task { try await channel.send("x", to: address) }
        await channel.untilWriting()
        let other = try Socket(on: .unixDatagram("@\(Loopback.unixPath())"))
        try await channel.send("not held up", to: other.localAddress)
        #expect(try other.receiveFrom(timeout: .milliseconds(0)).text == "not held up")
        let error = await #expect(throws: SocketError.self) {
            try await channel.send("y", to: address, timeout: .milliseconds(20))
        }
        #expect(error?.cause == .timedOut(limit: .milliseconds(20)))
        writer.cancel()
        let cancelled = await #expect(throws: SocketError.self) { try await writer.value }
        #expect(cancelled?.cause == .cancelled)
        // Neither the cancellation nor the full peer affects later sends.
        try await channel.send("still here", to: other.localAddress)
    }

    @Test(
        "sends that wait for room at a Unix peer are sent in the order of the calls",
        arguments: [false, true])
    func waitInOrder(isConnected: Bool) async throws {
        let (peer, open) = try await Self.fullPeer()
        let address = peer.localAddress
        let channel = isConnected ? try DatagramChannel(to: address) : open
        var writers: [Task<Void, any Error>] = []
        for number in 0..<5 {
            writers.append(
                Task {
                    if isConnected {
                        try await channel.send("number \(number)")
                    } else {
                        try await channel.send("number \(number)", to: address)
                    }
                })
            while channel.waitingSends(to: address) <= number { await Task.yield() }
        }
        let received = try await Background {
            var received: [String] = []
            while received.last != "number 4" {
                received.append(try peer.receiveFrom(timeout: .seconds(10)).text)
            }
            return received
        }.result()
        #expect(received.suffix(5) == (0..<5).map { "number \($0)" })
        for writer in writers { try await writer.value }
        #expect(channel.unixWaits.withLock { $0.isEmpty })
    }

    @Test("a send that waits for one Unix peer does not wait for another peer that is full")
    func fullPeersAreIndependent() async throws {
        let (stuck, channel) = try await Self.fullPeer()
        let writer = Task { [address = stuck.localAddress] in
            try await channel.send("never", to: address)
        }
        await channel.untilWriting()
        let other = try Socket(on: .unixDatagram("@\(Loopback.unixPath())"))
        let address = other.localAddress
        let filling = Task {
            for _ in 0..<1_000 { try await channel.send("x", to: address, timeout: .seconds(20)) }
        }
        let received = try await Background {
            try (0..<1_000).map { _ in try other.receiveFrom(timeout: .seconds(20)).text }
        }.result()
        #expect(received.count == 1_000)
        try await filling.value
        writer.cancel()
        _ = await writer.result
    }

    @Test("close ends several sends that wait for the same full Unix peer")
    func closingWhileQueued() async throws {
        let (peer, channel) = try await Self.fullPeer()
        let address = peer.localAddress
        let writers = (0..<3).map { _ in Task { try await channel.send("x", to: address) } }
        while channel.waitingSends(to: address) < 3 { await Task.yield() }
        channel.close()
        for writer in writers {
            let error = await #expect(throws: SocketError.self) { try await writer.value }
            #expect(error?.cause == .closed)
        }
    }

    @Test("close ends a send that waits for a full Unix peer")
    func closingWhileFull() async throws {
        let (peer, channel) = try await Self.fullPeer()
        let address = peer.localAddress
        let writer = Task { try await channel.send("x", to: address) }
        await channel.untilWriting()
        channel.close()
        let error = await #expect(throws: SocketError.self) { try await writer.value }
        #expect(error?.cause == .closed)
    }
}
