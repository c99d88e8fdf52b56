import SystemPackage
import Testing

@testable import Sockets

@Suite("DatagramChannel: receiving", .ownThread, .timeLimit(.minutes(5)))
struct DatagramChannelReceivingTests {
    @Test("an empty datagram is received, and the next receive succeeds")
    func zeroLength() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let sender = try Loopback.udp()
        try sender.send([], to: channel.localAddress)
        try sender.send("next", to: channel.localAddress)
        let empty = try await channel.receive()
        #expect(empty.bytes.isEmpty)
        #expect(empty.sender == sender.localAddress)
        #expect(!empty.isTruncated)
        #expect(try await channel.receive().text == "next")
    }

    @Test("receive marks a datagram longer than the limit as truncated, but not one that fits")
    func truncation() async throws {
        let channel = try await DatagramChannel(on: .udp(port: 0))
        let sender = try Loopback.udp()
        let address = SocketAddress.ipv4(.loopback, port: try #require(channel.localAddress.port))
        for _ in 0..<3 { try sender.send("0123456789", to: address) }
        let cut = try await channel.receive(atMost: 4)
        #expect(cut.text == "0123")
        #expect(cut.isTruncated)
        let nothing = try await channel.receive(atMost: 0)
        #expect(nothing.bytes.isEmpty)
        #expect(nothing.isTruncated)
        let whole = try await channel.receive(atMost: 10)
        #expect(whole.text == "0123456789")
        #expect(!whole.isTruncated)
    }

    @Test("receive with a negative count returns no bytes, and with Int.max the whole datagram")
    func extremeCounts() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let sender = try Loopback.udp()
        for _ in 0..<2 { try sender.send("abc", to: channel.localAddress) }
        #expect(try await channel.receive(atMost: -1).isTruncated)
        #expect(try await channel.receive(atMost: .max).text == "abc")
    }

    @Test("receive(into:) fills the buffer and reports the original length of the datagram")
    func intoBuffer() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let sender = try Loopback.udp()
        try sender.send("0123456789", to: channel.localAddress)
        var array = [UInt8](repeating: 0, count: 4)
        var elements = array.mutableSpan
        var bytes = elements.mutableBytes
        let header = try await channel.receive(into: &bytes)
        #expect(header.count == 4)
        #expect(header.originalCount == 10)
        #expect(header.isTruncated)
        #expect(header.sender == sender.localAddress)
        #expect(header.localAddress == channel.localAddress)
        #expect(array == Array("0123".utf8))
    }

    @Test("a channel receives a Unix datagram of 100,000 bytes")
    func longUnixDatagram() async throws {
        let (one, other) = try Socket.pair(.datagram)
        let channel = try DatagramChannel(adopting: other)
        let long = [UInt8](repeating: 7, count: 100_000)
        try one.send(long)
        #expect(try await channel.receive(atMost: 200_000).bytes == long)
    }

    @Test("datagrams queued before the first receive are received in order")
    func burst() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let sender = try Loopback.udp()
        for number in 0..<100 { try sender.send("\(number)", to: channel.localAddress) }
        for number in 0..<100 { #expect(try await channel.receive().text == "\(number)") }
    }

    @Test("a connected channel throws `connectionRefused`, and works once the peer is bound")
    func refusedConnected() async throws {
        let peer = try DatagramChannelTests.onLoopback()
        let address = peer.localAddress
        peer.close()
        let channel = try DatagramChannel(to: address)
        try await channel.send("is anybody there?")
        let error = await #expect(throws: SocketError.self) { try await channel.receive() }
        #expect(error?.description == "cannot receive from \(address): connection refused")
        let late = try DatagramChannel(on: address)
        try await channel.send("and now?")
        try await late.reply(to: late.receive(), with: "yes")
        #expect(try await channel.receive().text == "yes")
    }

    @Test("a pending receive throws `connectionRefused` if the peer's port is closed")
    func refusedWhileWaiting() async throws {
        let peer = try DatagramChannelTests.onLoopback()
        let address = peer.localAddress
        peer.close()
        let channel = try DatagramChannel(to: address)
        let reader = Task { () throws(SocketError) in try await channel.receive() }
        await channel.untilReading()
        try await channel.send("is anybody there?")
        let error = await #expect(throws: SocketError.self) { try await reader.value }
        #expect(error?.errno == .connectionRefused)
    }

    @Test("a pending receive on an unconnected channel ignores a refused send")
    func refusedUnconnected() async throws {
        let server = try await DatagramChannel(on: .udp("0.0.0.0", port: 0))
        // With IP_RECVERR the kernel reports ICMP errors even to an unconnected socket.
        try server.setOption(.raw(level: 0, name: 11), to: Int32(1))
        let gone = try DatagramChannelTests.onLoopback()
        let address = gone.localAddress
        gone.close()
        let reader = Task { () throws(SocketError) in try await server.receive() }
        await server.untilReading()
        try await server.send("is anybody there?", to: address)
        let client = try Loopback.udp()
        let port = try #require(server.localAddress.port)
        try client.send("I am", to: .ipv4(.loopback, port: port))
        #expect(try await reader.value.text == "I am")
    }

    #if DEBUG
        @Test(
            "receive on an unconnected channel skips ICMP errors and throws other errors",
            arguments: [
                (Errno.connectionRefused, true), (.noRouteToHost, true),
                (.networkUnreachable, true), (.messageTooLong, true), (.noMemory, false),
            ])
        func skippedErrors(code: Errno, isPassedOver: Bool) async throws {
            let channel = try await DatagramChannel(on: .udp("0.0.0.0", port: 0))
            let sender = try Loopback.udp()
            let port = try #require(channel.localAddress.port)
            try sender.send("x", to: .ipv4(.loopback, port: port))
            let faults = FaultInjection([.recvmmsg: [.error(code), .error(code)]])
            let outcome = await FaultInjection.$current.withValue(faults) {
                () -> Result<Datagram, SocketError> in
                do throws(SocketError) { return .success(try await channel.receive()) } catch {
                    return .failure(error)
                }
            }
            switch outcome {
            case .success(let datagram):
                #expect(isPassedOver)
                #expect(datagram.text == "x")
            case .failure(let error):
                #expect(!isPassedOver)
                #expect(error.errno == code)
            }
        }
    #endif

    @Test("queued datagrams keep their order across all forms of receive")
    func order() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let senders = [try Loopback.udp(), try Loopback.udp()]
        for number in 0..<40 {
            try senders[number % 2].send("\(number)", to: channel.localAddress)
        }
        var texts: [String] = []
        var buffer = [UInt8](repeating: 0, count: 8)
        for number in 0..<40 {
            switch number % 3 {
            case 0:
                let datagram = try await channel.receive()
                #expect(datagram.sender == senders[number % 2].localAddress)
                texts.append(datagram.text)
            case 1:
                var span = buffer.mutableSpan
                var bytes = span.mutableBytes
                let header = try await channel.receive(into: &bytes)
                texts.append(String(decoding: buffer[..<header.count], as: UTF8.self))
            default:
                texts.append(
                    try await channel.withReceived { bytes, header in
                        #expect(header.sender == senders[number % 2].localAddress)
                        return bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                    })
            }
        }
        #expect(texts == (0..<40).map(String.init))
    }

    @Test("receive clears the readiness only after the socket is drained")
    func readinessAfterDraining() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let sender = try Loopback.udp()
        func mayHaveMore() -> Bool { channel.source.withState(.reading) { $0.word.isReady } }

        try sender.send("alone", to: channel.localAddress)
        // A turn of the loop handles the event before the datagram is received.
        for _ in 1...2 { await Task(executorPreference: channel.source.loop) {}.value }
        #expect(try await channel.receive().text == "alone")
        #expect(!mayHaveMore())

        for number in 1...17 { try sender.send("\(number)", to: channel.localAddress) }
        #expect(try await channel.receive().text == "1")
        #expect(mayHaveMore())
    }

    @Test("receive times out no earlier than its limit, and the next receive succeeds")
    func timeLimit() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await channel.receive(timeout: .milliseconds(30))
        }
        #expect(start.duration(to: .now) >= .milliseconds(30))
        #expect(error?.description == "cannot receive: timed out after 30 ms")
        try Loopback.udp().send("late", to: channel.localAddress)
        #expect(try await channel.receive(timeout: .seconds(30)).text == "late")
    }

    @Test("receive with a zero timeout returns a queued datagram, and throws if the queue is empty")
    func withoutTime() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        try Loopback.udp().send("here", to: channel.localAddress)
        #expect(try await channel.receive(timeout: .milliseconds(0)).text == "here")
        let error = await #expect(throws: SocketError.self) {
            try await channel.receive(timeout: .milliseconds(0))
        }
        #expect(error?.isTimeout == true)
    }

    @Test("receive throws `busy` while another receive is in progress")
    func busy() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let reader = Task { () throws(SocketError) in try await channel.receive() }
        await channel.untilReading()
        let error = await #expect(throws: SocketError.self) { try await channel.receive() }
        #expect(error?.cause == .busy)
        try Loopback.udp().send("for the first", to: channel.localAddress)
        #expect(try await reader.value.text == "for the first")
    }

    @Test("breaking out of a loop over a channel loses no datagram")
    func leavingALoop() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let sender = try Loopback.udp()
        for text in ["a", "b", "c"] { try sender.send(text, to: channel.localAddress) }
        var texts: [String] = []
        for try await datagram in channel {
            texts.append(datagram.text)
            if texts.count == 2 { break }
        }
        #expect(texts == ["a", "b"])
        #expect(try await channel.receive().text == "c")
    }

    @Test("a cancelled loop over a channel throws `cancelled`, and the channel stays open")
    func cancelledLoop() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let reader = Task { for try await _ in channel {} }
        await channel.untilReading()
        reader.cancel()
        let error = await #expect(throws: SocketError.self) { try await reader.value }
        #expect(error?.cause == .cancelled)
        try Loopback.udp().send("still here", to: channel.localAddress)
        #expect(try await channel.receive().text == "still here")
    }

    @Test("10,000 receives that race a cancellation and a datagram lose no datagram")
    func cancellationsRacingArrival() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let sender = try Loopback.udp()
        let loop = try #require(LoopGroup.shared.loops.first)
        var cancelled = 0
        for round in 0..<10_000 {
            let body: @Sendable () async -> Result<Datagram, SocketError> = {
                do throws(SocketError) { return .success(try await channel.receive()) } catch {
                    return .failure(error)
                }
            }
            let reader = round % 2 == 0 ? Task { await body() } : onLoop(loop, body)
            if round % 3 == 0 { await channel.untilReading() }
            if round % 4 < 2 { reader.cancel() }
            try sender.send("\(round)", to: channel.localAddress)
            reader.cancel()
            switch await reader.value {
            case .success(let datagram):
                #expect(datagram.text == "\(round)")
            case .failure(let error):
                cancelled += 1
                #expect(error.cause == .cancelled)
                #expect(try await channel.receive(timeout: .seconds(30)).text == "\(round)")
            }
        }
        #expect(cancelled > 0)
        #expect(cancelled < 10_000)
    }

    private func onLoop(
        _ loop: EventLoop, _ body: @escaping @Sendable () async -> Result<Datagram, SocketError>
    ) -> Task<Result<Datagram, SocketError>, Never> {
        Task(executorPreference: loop) { await body() }
    }

    @Test("the body of withReceived may await a reply while the datagram stays valid")
    func withReceivedReplies() async throws {
        let server = try await DatagramChannel(on: .udp(port: 0))
        let port = try #require(server.localAddress.port)
        let client = try DatagramChannel(to: .ipv4(IPv4Address(127, 0, 0, 2), port: port))
        try await client.send("echo this")
        let count = try await server.withReceived { bytes, header in
            try await server.reply(to: header, with: bytes)
            return bytes.byteCount
        }
        #expect(count == 9)
        #expect(try await client.receive().text == "echo this")
    }

    @Test(
        "withReceived rethrows the error of its body, and a receive inside the body throws `busy`")
    func withReceivedThrows() async throws {
        struct Refusal: Error {}
        let channel = try DatagramChannelTests.onLoopback()
        let sender = try Loopback.udp()
        for text in ["a", "b"] { try sender.send(text, to: channel.localAddress) }
        var inside: SocketError?
        do {
            try await channel.withReceived { bytes, _ in
                #expect(bytes.byteCount == 1)
                do throws(SocketError) { _ = try await channel.receive() } catch { inside = error }
                throw Refusal()
            }
            Issue.record("nothing was thrown")
        } catch {
            #expect(error is Refusal)
        }
        #expect(inside?.cause == .busy)
        #expect(try await channel.receive().text == "b")
    }

    @Test(
        "SocketAddress(destination:port:) has a zone only if link-local, and is nil for a group",
        arguments: [
            (.ipv4(bits: 0x7F00_0002, port: 0), "127.0.0.2:7"),
            (.ipv4(bits: 0xEF00_0001, port: 0), nil),
            (.ipv6(high: 0, low: 1, port: 0, scope: 3), "[::1]:7"),
            (.ipv6(high: 0xFE80 << 48, low: 1, port: 0, scope: 1), "[fe80::1%lo]:7"),
            (.ipv6(high: 0xFF02 << 48, low: 1, port: 0, scope: 3), nil),
            (.ipv6(high: 0, low: 0xFFFF_7F00_0002, port: 0, scope: 1), "127.0.0.2:7"),
            (.ipv6(high: 0, low: 0xFFFF_EF00_0001, port: 0, scope: 1), nil),
            (.unnamed, nil),
        ] as [(PacketAddress, String?)])
    func destination(packet: PacketAddress, text: String?) {
        #expect(SocketAddress(destination: packet, port: 7)?.description == text)
    }

    @Test("a task that receives queued datagrams yields to other tasks of its loop")
    func fairness() async throws {
        let group = try LoopGroup(loops: 1)
        defer { group.shutdown() }
        let channel = try DatagramChannel(on: Loopback.ipv4, group: group)
        let sender = try Loopback.udp()
        for _ in 0..<100 { try sender.send("x", to: channel.localAddress) }
        let received = Lock(0)
        let seen = await withTaskGroup(of: Int?.self) { tasks in
            tasks.addTask(executorPreference: group.loops[0]) {
                await withTaskGroup(of: Int?.self) { tasks in
                    tasks.addTask {
                        for _ in 0..<100 {
                            _ = try? await channel.receive()
                            received.withLock { $0 += 1 }
                        }
                        return nil
                    }
                    tasks.addTask { received.withLock { $0 } }
                    return await tasks.reduce(nil) { $0 ?? $1 }
                }
            }
            return await tasks.reduce(nil) { $0 ?? $1 }
        }
        #expect(try #require(seen) <= EventLoop.operationsPerTurn)
        #expect(received.withLock { $0 } == 100)
        channel.close()
    }
}
