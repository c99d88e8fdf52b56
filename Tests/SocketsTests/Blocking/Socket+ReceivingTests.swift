import Testing

@testable import Sockets

@Suite("Socket: receive", .ownThread)
struct SocketReceivingTests {
    @Test("receive returns the available bytes up to the count")
    func atMost() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll("hello")
        #expect(try other.receive(atMost: 2) == Array("he".utf8))
        #expect(try other.receive(atMost: 100) == Array("llo".utf8))
    }

    @Test("receive returns no bytes at end of stream, even repeatedly")
    func endOfStream() throws {
        let (one, other) = try Socket.pair()
        one.close()
        for _ in 0..<2 {
            #expect(try other.receive().isEmpty)
            var bytes: [UInt8] = [1]
            #expect(try other.receive(appendingTo: &bytes) == 0)
            #expect(bytes == [1])
        }
    }

    @Test("receive(into:) writes only the received bytes into a mutable span")
    func intoMutableSpan() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll([7, 8])
        var array = [UInt8](repeating: 1, count: 4)
        var elements = array.mutableSpan
        var bytes = elements.mutableBytes
        #expect(try other.receive(into: &bytes) == 2)
        #expect(array == [7, 8, 1, 1])
    }

    @Test("receive into an OutputRawSpan appends the received bytes")
    func intoOutputSpan() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll([7, 8])
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 1)
        defer { memory.deallocate() }
        var output = OutputRawSpan(buffer: memory, initializedCount: 0)
        output.append(1 as UInt8)
        #expect(try other.receive(into: &output) == 2)
        #expect(output.byteCount == 3)
        #expect(Array(memory.prefix(3)) == [1, 7, 8])
    }

    @Test("receive(appendingTo:) keeps the existing bytes of the array")
    func appending() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll("cd")
        var bytes = Array("ab".utf8)
        #expect(try other.receive(appendingTo: &bytes, atMost: 1) == 1)
        #expect(bytes == Array("abc".utf8))
    }

    @Test("peek leaves the bytes in the receive queue")
    func peek() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll("look")
        #expect(try other.peek(atMost: 2) == Array("lo".utf8))
        #expect(try other.receive() == Array("look".utf8))
        let error = #expect(throws: SocketError.self) { try other.peek(timeout: .milliseconds(5)) }
        #expect(error?.isTimeout == true)
    }

    @Test("receive with a count of zero or less returns no bytes at once")
    func zeroCount() throws {
        let (one, other) = try Socket.pair()
        #expect(try other.receive(atMost: 0).isEmpty)
        #expect(try other.receive(atMost: -5).isEmpty)
        try one.sendAll("still here")
        #expect(try other.receive(atMost: 0).isEmpty)
        #expect(try other.receive() == Array("still here".utf8))
    }

    @Test("receive continues after EINTR, with and without a time limit")
    func interruptions() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll("ab")
        for limit in [TimeLimit.never, .seconds(5)] {
            let faults = FaultInjection([
                .recv: [.error(.interrupted), .error(.interrupted), .short(1)]
            ])
            let bytes = try FaultInjection.$current.withValue(faults) {
                try other.receive(timeout: limit)
            }
            #expect(bytes.count == 1)
            #expect(faults.remaining(of: .recv) == 0)
        }
    }

    @Test("receive after a reset throws `connectionReset` with the peer's address")
    func reset() throws {
        let (client, server) = try Loopback.tcpPair()
        try client.setOption(.linger, to: .zero)
        client.close()
        let error = #expect(throws: SocketError.self) { try server.receive() }
        #expect(error?.errno == .connectionReset)
        #expect(
            error?.description
                == "cannot receive from \(server.remoteAddress): connection reset by peer")
    }

    @Test("a receive that times out loses no bytes")
    func timeoutLosesNothing() throws {
        let (one, other) = try Socket.pair()
        _ = #expect(throws: SocketError.self) { try other.receive(timeout: .milliseconds(5)) }
        try one.sendAll("later")
        #expect(try other.receive() == Array("later".utf8))
    }

    @Test(
        "sequenced packets that the peer sent are received before the reset", arguments: [0, 1, 2])
    func packetsBeforeReset(first: Int) throws {
        let listener = try Socket(on: .unixSequencedPacket("@" + Loopback.unixPath()))
        let client = try Socket(to: listener.localAddress, type: .sequencedPacket)
        let server = try listener.accept(timeout: .seconds(5))
        // The unread greeting makes the kernel reset the connection.
        try server.send("greeting")
        try client.send("one")
        try client.send("two")
        client.close()
        let reads: [() throws -> [UInt8]] = [
            { try server.receive(timeout: .seconds(5)) },
            { try server.receive(atMost: 10) },
            { try server.receiveFrom(timeout: .seconds(5)).bytes },
        ]
        if first == 0 { #expect(try server.peek() == Array("one".utf8)) }
        #expect(try reads[first]() == Array("one".utf8))
        #expect(try reads[(first + 1) % 3]() == Array("two".utf8))
        for read in reads {
            let error = #expect(throws: SocketError.self) { _ = try read() }
            #expect(error?.errno == .connectionReset)
        }
    }
}
