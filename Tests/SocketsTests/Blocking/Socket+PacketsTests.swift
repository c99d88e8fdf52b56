import Testing

@testable import Sockets

@Suite("Socket: packets", .ownThread)
struct SocketPacketsTests {
    @Test("an empty packet is not taken for the end, even if the peer closes right after it")
    func empty() throws {
        let (one, other) = try Socket.pair(.sequencedPacket)
        for text in ["first", "", "third", ""] { try one.send(text) }
        one.close()
        for text in ["first", "", "third", ""] {
            #expect(try other.receivePacket(timeout: .seconds(10))?.text == text)
        }
        for _ in 0..<2 { #expect(try other.receivePacket() == nil) }
    }

    @Test("an empty packet is recognized on accepted, connected and adopted sockets")
    func origins() throws {
        let listener = try Socket(on: .unixSequencedPacket("@" + Loopback.unixPath()))
        let client = try Socket(to: listener.localAddress, type: .sequencedPacket)
        let server = try listener.accept(timeout: .seconds(10))
        try client.send("")
        #expect(try server.receivePacket() == Packet(bytes: [], originalCount: 0))
        try server.send("")
        let adopted = try Socket(adopting: client.release())
        #expect(try adopted.receivePacket() == Packet(bytes: [], originalCount: 0))
    }

    @Test("a packet that is longer than the buffer is truncated, and the next packet is whole")
    func truncated() throws {
        let (one, other) = try Socket.pair(.sequencedPacket)
        try one.setOption(.sendBufferSize, to: 200_000)
        let long = [UInt8](repeating: 0x61, count: 100_000)
        try one.send("packet")
        try one.send(long)
        let packet = try other.receivePacket(atMost: 2)
        #expect(packet == Packet(bytes: Array("pa".utf8), originalCount: 6))
        #expect(packet?.isTruncated == true)
        #expect(try other.receivePacket() == Packet(bytes: long, originalCount: 100_000))
    }

    @Test("the packets of a peer that closed with unread packets arrive before the reset")
    func reset() throws {
        let (one, other) = try Socket.pair(.sequencedPacket)
        try other.send("unread")
        for text in ["one", ""] { try one.send(text) }
        one.close()
        for text in ["one", ""] { #expect(try other.receivePacket()?.text == text) }
        for _ in 0..<2 {
            let error = #expect(throws: SocketError.self) { try other.receivePacket() }
            #expect(error?.errno == .connectionReset)
        }
    }

    @Test("receivePacket loses no packet at a timeout, and rejects sockets of other types")
    func errors() throws {
        let (one, other) = try Socket.pair(.sequencedPacket)
        let error = #expect(throws: SocketError.self) {
            try other.receivePacket(timeout: .milliseconds(5))
        }
        #expect(error?.isTimeout == true)
        try one.send("x")
        #expect(try other.receivePacket()?.text == "x")
        for type in [SocketType.stream, .datagram] {
            let error = #expect(throws: SocketError.self) {
                try Socket.pair(type).0.receivePacket()
            }
            guard case .invalidInput = error?.cause else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test("a truncated message with descriptors reports its original length")
    func truncatedMessage() throws {
        for type in [SocketType.datagram, .sequencedPacket] {
            let (one, other) = try Socket.pair(type)
            try one.send("packet", descriptors: [.standardInput])
            let message = try other.receive(atMost: 2, descriptorsAtMost: 1)
            #expect(message.bytes == Array("pa".utf8))
            #expect(message.originalCount == 6)
            #expect(message.descriptorCount == 1)
        }
    }
}
