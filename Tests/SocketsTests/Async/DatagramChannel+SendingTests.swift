import SystemPackage
import Testing

@testable import Sockets

@Suite("DatagramChannel: sending", .ownThread, .timeLimit(.minutes(5)))
struct DatagramChannelSendingTests {
    /// Returns a Unix socket whose queue is full, and a channel that is not connected to it.
    ///
    /// If `isBound` is true, the channel has a path, so any sender can reach it.
    private func fullPeer(
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

    @Test("send sends spans, arrays and strings to an address and to the connected peer")
    func shapes() async throws {
        let peer = try DatagramChannelTests.onLoopback()
        let open = try DatagramChannelTests.onLoopback()
        let connected = try DatagramChannel(to: peer.localAddress)
        let bytes = Array("span".utf8)
        try await open.send(bytes.span.bytes, to: peer.localAddress)
        try await open.send(Array("array".utf8), to: peer.localAddress)
        try await open.send("string ✓", to: peer.localAddress)
        try await open.send([], to: peer.localAddress)
        try await connected.send(bytes.span.bytes)
        try await connected.send(Array("array".utf8))
        try await connected.send("string ✓")
        try await connected.send([])
        for sender in [open, connected] {
            for text in ["span", "array", "string ✓", ""] {
                let datagram = try await peer.receive()
                #expect(datagram.text == text)
                #expect(datagram.sender == sender.localAddress)
            }
        }
    }

    @Test("send without an address throws EDESTADDRREQ on an unconnected channel")
    func withoutPeer() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let error = await #expect(throws: SocketError.self) { try await channel.send("x") }
        #expect(error?.description == "cannot send: destination address required")
    }

    @Test("a send error names the destination and the cause")
    func errorTexts() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let everybody = SocketAddress.ipv4(.broadcast, port: 9)
        let broadcast = await #expect(throws: SocketError.self) {
            try await channel.send("x", to: everybody)
        }
        #expect(broadcast?.firstLine == "cannot send to 255.255.255.255:9: permission denied")
        try channel.setOption(.broadcast, to: true)
        try await channel.send("x", to: everybody)
        let long = await #expect(throws: SocketError.self) {
            try await channel.send([UInt8](repeating: 0, count: 65508), to: channel.localAddress)
        }
        #expect(long?.errno == .messageTooLong)
        let path = Loopback.unixPath()
        let unix = try DatagramChannel(adopting: Socket(.unix, .datagram))
        let address = SocketAddress.unix(try #require(UnixAddress(path: path)))
        let noFile = await #expect(throws: SocketError.self) {
            try await unix.send("x", to: address)
        }
        #expect(noFile?.description == "cannot send to \(path): no such file or directory")
    }

    @Test(
        "send to a subnet broadcast address returns false if unconnected, and throws if connected")
    func broadcastSender() async throws {
        let network = SocketAddress.ipv4(IPv4Address(127, 255, 255, 255), port: 9)
        let channel = try DatagramChannelTests.onLoopback()
        #expect(try await !channel.send("x", to: network))
        try channel.setOption(.broadcast, to: true)
        #expect(try await channel.send("x", to: network))
        // Only the peer can send to a connected channel, so another destination is a mistake of the
        // program.
        let connected = try DatagramChannel(to: channel.localAddress)
        let error = await #expect(throws: SocketError.self) {
            try await connected.send("x", to: network)
        }
        #expect(error?.errno == .permissionDenied)
    }

    @Test("send and reply to an unspecified address return false and send nothing")
    func unspecifiedSender() async throws {
        let channel = try await DatagramChannel(on: .udp(port: 0))
        let port = try #require(channel.localAddress.port)
        for address in [IPAddress.v4(.any), .v6(.any)] {
            let itself = SocketAddress(address, port: port)
            #expect(try await !channel.send("x", to: itself))
            let header = DatagramHeader(
                count: 0, originalCount: 0, sender: SocketAddress(address, port: 9),
                localAddress: nil)
            #expect(try await !channel.reply(to: header, with: [UInt8(1)].span.bytes))
        }
        let error = await #expect(throws: SocketError.self) {
            try await channel.receive(timeout: .milliseconds(50))
        }
        #expect(error?.isTimeout == true)
    }

    @Test("a reply to a Unix peer that does not receive returns false after 1 second")
    func senderThatDoesNotReceive() async throws {
        let (peer, channel) = try await fullPeer(isBound: true)
        let header = DatagramHeader(
            count: 0, originalCount: 0, sender: peer.localAddress, localAddress: nil)
        let start = ContinuousClock.now
        let hasLeft = try await channel.reply(to: header, with: [UInt8(1)].span.bytes)
        let duration = start.duration(to: .now)
        #expect(!hasLeft)
        #expect(duration >= .seconds(1) && duration < .seconds(10))
        // A reply with an explicit timeout throws.
        let error = await #expect(throws: SocketError.self) {
            try await channel.reply(
                to: header, with: [UInt8(1)].span.bytes, timeout: .milliseconds(10))
        }
        #expect(error?.isTimeout == true)
        // A sender that receives in time gets its reply.
        _ = try peer.receive()
        #expect(try await channel.reply(to: header, with: [UInt8(1)].span.bytes))
    }

    @Test("send and reply to a sender without a return address return false")
    func noReturnAddress() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        #expect(try await !channel.send("x", to: .ipv4(.loopback, port: 0)))
        #expect(try await !channel.send("x", to: .unnamed))
        let question = Datagram(
            bytes: [], sender: .ipv4(.loopback, port: 0), localAddress: channel.localAddress)
        #expect(try await !channel.reply(to: question, with: "x"))
        #expect(try await channel.send("x", to: channel.localAddress))
    }

    @Test(
        "send to an unreachable destination returns false if unconnected, and throws if connected")
    func unreachable() async throws {
        // No machine may use an address of this reserved block (RFC 5735, RFC 1122).
        let nowhere = SocketAddress.ipv4(IPv4Address(240, 0, 0, 1), port: 9)
        let channel = try DatagramChannelTests.onLoopback()
        #expect(try await !channel.send("x", to: nowhere))
        let peer = try DatagramChannelTests.onLoopback()
        let connected = try DatagramChannel(to: peer.localAddress)
        await #expect(throws: SocketError.self) { try await connected.send("x", to: nowhere) }
    }

    @Test("an echo loop continues after senders without an address and senders that have closed")
    func echoingToEverySender() async throws {
        let channel = try await DatagramChannel(on: .unixDatagram("@" + Loopback.unixPath()))
        let echoing = Task {
            for try await datagram in channel {
                try await channel.send(datagram.bytes, to: datagram.sender)
            }
        }
        // Senders without a path and senders that have closed must not end the loop.
        let nameless = try DatagramChannel(adopting: Socket(.unix, .datagram))
        try await nameless.send("who am I?", to: channel.localAddress)
        for path in ["@" + Loopback.unixPath(), Loopback.unixPath()] {
            let gone = try await DatagramChannel(on: .unixDatagram(path))
            try await gone.send("bye", to: channel.localAddress)
            gone.close()
        }
        let client = try await DatagramChannel(on: .unixDatagram("@" + Loopback.unixPath()))
        try await client.send("hello", to: channel.localAddress)
        #expect(try await client.receive(timeout: .seconds(30)).text == "hello")
        channel.close()
        try await echoing.value
    }

    @Test("concurrent sends from several tasks succeed")
    func severalSenders() async throws {
        let peer = try DatagramChannelTests.onLoopback()
        let channel = try DatagramChannelTests.onLoopback()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<4 {
                tasks.addTask {
                    for _ in 0..<500 { try await channel.send("x", to: peer.localAddress) }
                }
            }
            try await tasks.waitForAll()
        }
        #expect(try await peer.receive().text == "x")
    }

    @Test(
        "send waits until a Unix peer with a full queue receives",
        arguments: [false, true])
    func waitsForSpace(isConnected: Bool) async throws {
        let (peer, open) = try await fullPeer()
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
        let (peer, channel) = try await fullPeer()
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

    @Test("a full Unix peer does not delay other sends, and a second waiting send queues")
    func fullAndQueued() async throws {
        let (peer, channel) = try await fullPeer()
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
        let (peer, open) = try await fullPeer()
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
        let (stuck, channel) = try await fullPeer()
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

    @Test("closing ends all sends that wait for a full Unix peer")
    func closingWhileQueued() async throws {
        let (peer, channel) = try await fullPeer()
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
        let (peer, channel) = try await fullPeer()
        let address = peer.localAddress
        let writer = Task { try await channel.send("x", to: address) }
        await channel.untilWriting()
        channel.close()
        let error = await #expect(throws: SocketError.self) { try await writer.value }
        #expect(error?.cause == .closed)
    }

    #if DEBUG
        @Test(
            "send retries after EINTR and EAGAIN and sends the datagram once",
            arguments: [Errno.interrupted, .wouldBlock])
        func retried(code: Errno) async throws {
            let peer = try DatagramChannelTests.onLoopback()
            let channel = try DatagramChannelTests.onLoopback()
            let faults = FaultInjection([.sendto: [.error(code), .error(.interrupted)]])
            try await FaultInjection.$current.withValue(faults) {
                try await channel.send("x", to: peer.localAddress)
            }
            #expect(faults.remaining(of: .sendto) == 0)
            #expect(try await peer.receive().text == "x")
            let error = await #expect(throws: SocketError.self) {
                try await peer.receive(timeout: .milliseconds(0))
            }
            #expect(error?.isTimeout == true)
        }
    #endif

    @Test(
        "reply sends from the address that received the datagram, on IPv4 and dual stack",
        arguments: [AddressFamily.ipv4, nil])
    func reply(family: AddressFamily?) async throws {
        let server = try await DatagramChannel(on: .udp(port: 0), options: .init(family: family))
        let port = try #require(server.localAddress.port)
        let second = SocketAddress.ipv4(IPv4Address(127, 0, 0, 2), port: port)
        // A connected client receives replies from this address only.
        let client = try DatagramChannel(to: second)
        for number in 0..<3 {
            try await client.send("question")
            let question = try await server.receive()
            #expect(question.localAddress == second)
            switch number {
            case 0: try await server.reply(to: question, with: "answer")
            case 1: try await server.reply(to: question, with: Array("answer".utf8))
            default:
                let bytes = Array("answer".utf8)
                try await server.reply(to: question, with: bytes.span.bytes)
            }
            let answer = try await client.receive(timeout: .seconds(30))
            #expect(answer.text == "answer")
            #expect(answer.sender == second)
        }
    }

    @Test("reply over IPv6 sends from the address that received the datagram")
    func reply6() async throws {
        let server = try await DatagramChannel(on: .udp(port: 0), options: .init(family: .ipv6))
        let port = try #require(server.localAddress.port)
        let client = try DatagramChannel(to: .ipv6(.loopback, port: port))
        try await client.send("question")
        let question = try await server.receive()
        #expect(question.localAddress == .ipv6(.loopback, port: port))
        try await server.reply(to: question, with: "answer")
        #expect(try await client.receive(timeout: .seconds(30)).text == "answer")
    }

    @Test("reply sends from the channel's address if the datagram has no local address")
    func replyFromTheOnlyAddress() async throws {
        let server = try DatagramChannelTests.onLoopback()
        let client = try DatagramChannel(to: server.localAddress)
        try await client.send("question")
        var question = try await server.receive()
        #expect(question.localAddress == server.localAddress)
        question.localAddress = nil
        try await server.reply(to: question, with: "answer")
        #expect(try await client.receive(timeout: .seconds(30)).text == "answer")
    }

    @Test("reply from an address that is not local returns false")
    func replyFromElsewhere() async throws {
        let server = try await DatagramChannel(on: .udp(port: 0), options: .init(family: .ipv4))
        let client = try DatagramChannelTests.onLoopback()
        let question = Datagram(
            bytes: [], sender: client.localAddress,
            localAddress: .ipv4(IPv4Address(192, 0, 2, 1), port: 9))
        #expect(try await !server.reply(to: question, with: "answer"))
    }

    @Test("a datagram to a multicast group has a local address, and reply sends from that address")
    func replyToGroup() async throws {
        let group = IPv4Address(239, 255, 77, 78)
        let member = try await DatagramChannel(on: .udp(port: 0), options: .init(family: .ipv4))
        let port = try #require(member.localAddress.port)
        try member.joinMulticastGroup(.v4(group), interface: "lo")
        let sender = try DatagramChannelTests.onLoopback()
        try sender.setMulticastInterface("lo")
        try await sender.send("to all", to: .ipv4(group, port: port))
        let question = try await member.receive(timeout: .seconds(30))
        #expect(question.localAddress == .ipv4(.loopback, port: port))
        try await member.reply(to: question, with: "from one")
        let answer = try await sender.receive(timeout: .seconds(30))
        #expect(answer.text == "from one")
        #expect(answer.sender == .ipv4(.loopback, port: port))
    }

    @Test("a task that sends repeatedly yields to other tasks of its loop")
    func fairness() async throws {
        let group = try LoopGroup(loops: 1)
        defer { group.shutdown() }
        let peer = try DatagramChannelTests.onLoopback()
        let address = peer.localAddress
        let channel = try DatagramChannel(on: Loopback.ipv4, group: group)
        let seen = await withTaskGroup(of: Int.self) { tasks in
            tasks.addTask(executorPreference: group.loops[0]) {
                await withTaskGroup(of: Int.self) { tasks in
                    let sent = Lock(0)
                    tasks.addTask {
                        for _ in 0..<100 {
                            _ = try? await channel.send("x", to: address)
                            sent.withLock { $0 += 1 }
                        }
                        return .max
                    }
                    tasks.addTask { sent.withLock { $0 } }
                    return await tasks.reduce(.max, min)
                }
            }
            return await tasks.reduce(.max, min)
        }
        #expect(seen <= EventLoop.operationsPerTurn)
        channel.close()
    }
}
