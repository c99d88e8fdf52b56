import Glibc
import Testing

@testable import Sockets

@Suite("PacketConnection: receiving", .ownThread)
struct PacketConnectionReceivingTests {
    @Test("packets keep their boundaries and their order")
    func boundaries() async throws {
        let (one, other) = try PacketConnection.pair()
        for text in ["first", "", "third"] { try await one.send(text) }
        for text in ["first", "", "third"] {
            let packet = try await other.receive(timeout: .seconds(10))
            #expect(packet?.text == text)
            #expect(packet?.isTruncated == false)
        }
    }

    @Test("an empty packet is not taken for the end, even if the peer closes right after it")
    func empty() async throws {
        let (one, other) = try PacketConnection.pair()
        for _ in 0..<2 { try await one.send("") }
        one.close()
        #expect(try await other.receive() == Packet(bytes: [], originalCount: 0))
        var none: [UInt8] = []
        var span = none.mutableSpan
        var buffer = span.mutableBytes
        #expect(try await other.receive(into: &buffer) == 0)
        #expect(try await other.receive(into: &buffer) == nil)
        #expect(try await other.receive() == nil)
        let isEnd = try await other.receive(descriptorsAtMost: 1) == nil
        #expect(isEnd)
    }

    @Test("a packet that is longer than the buffer is truncated, and the next packet is whole")
    func truncated() async throws {
        let (one, other) = try PacketConnection.pair()
        for _ in 0..<3 { try await one.send("packet") }
        try await one.send("next")
        let packet = try await other.receive(atMost: 2)
        #expect(packet == Packet(bytes: Array("pa".utf8), originalCount: 6))
        #expect(packet?.isTruncated == true)
        var storage = [UInt8](repeating: 0x2E, count: 3)
        var span = storage.mutableSpan
        var buffer = span.mutableBytes
        #expect(try await other.receive(into: &buffer) == 6)
        #expect(storage == Array("pac".utf8))
        #expect(try await other.receive(atMost: 0) == Packet(bytes: [], originalCount: 6))
        #expect(try await other.receive()?.text == "next")
    }

    @Test("a packet of more than 64 KiB is received whole")
    func long() async throws {
        let (one, other) = try PacketConnection.pair()
        try one.setOption(.sendBufferSize, to: 200_000)
        let bytes = (0..<150_000).map { UInt8(truncatingIfNeeded: $0) }
        try await one.send(bytes)
        #expect(try await other.receive()?.bytes == bytes)
    }

    @Test("a loop over the packets ends when the peer closes the connection")
    func sequence() async throws {
        let (one, other) = try PacketConnection.pair()
        async let texts = other.reduce(into: [String]()) { $0.append($1.text) }
        for text in ["a", "", "b"] { try await one.send(text) }
        one.close()
        #expect(try await texts == ["a", "", "b"])
    }

    @Test("the packets of a peer that closed with unread packets arrive before the reset")
    func reset() async throws {
        let (one, other) = try PacketConnection.pair()
        try await other.send("unread")
        for text in ["one", "two"] { try await one.send(text) }
        one.close()
        #expect(try await other.receive()?.text == "one")
        #expect(try await other.receive()?.text == "two")
        for _ in 0..<2 {
            let error = await #expect(throws: SocketError.self) { try await other.receive() }
            #expect(error?.errno == .connectionReset)
        }
    }

    @Test("after a send has thrown the reset, receive throws it too and does not report the end")
    func resetOfSend() async throws {
        let (one, other) = try PacketConnection.pair()
        try await other.send("unread")
        try await one.send("one")
        one.close()
        _ = await #expect(throws: SocketError.self) { try await other.send("x") }
        #expect(try await other.receive()?.text == "one")
        let error = await #expect(throws: SocketError.self) { try await other.receive() }
        #expect(error?.errno == .connectionReset)
    }

    @Test("a waiting receive gets the next packet, and a timeout loses no packet")
    func waiting() async throws {
        let (one, other) = try PacketConnection.pair()
        let error = await #expect(throws: SocketError.self) {
            try await other.receive(timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        async let packet = other.receive()
        await other.untilReading()
        try await one.send("x")
        #expect(try await packet?.text == "x")
    }

    @Test("a cancelled receive throws .cancelled, and the next receive gets the packet")
    func cancelled() async throws {
        let (one, other) = try PacketConnection.pair()
        let receiving = Task { try await other.receive() }
        await other.untilReading()
        receiving.cancel()
        let error = await #expect(throws: SocketError.self) { try await receiving.value }
        #expect(error?.cause == .cancelled)
        try await one.send("x")
        #expect(try await other.receive()?.text == "x")
    }

    @Test("a second task that receives gets .busy")
    func busy() async throws {
        let (one, other) = try PacketConnection.pair()
        async let packet = other.receive()
        await other.untilReading()
        let error = await #expect(throws: SocketError.self) { try await other.receive() }
        #expect(error?.cause == .busy)
        try await one.send("x")
        #expect(try await packet?.text == "x")
    }
}
