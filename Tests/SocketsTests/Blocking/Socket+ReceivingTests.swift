import Testing

@testable import Sockets

@Suite("Receiving", .ownThread)
struct SocketReceivingTests {
    @Test("what has come is returned, and no more than was asked for")
    func atMost() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll("hello")
        #expect(try other.receive(atMost: 2) == Array("he".utf8))
        #expect(try other.receive(atMost: 100) == Array("llo".utf8))
    }

    @Test("the end of the stream is an empty array and zero, again and again")
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

    @Test("receiving into a mutable span writes at its beginning and leaves the rest")
    func intoMutableSpan() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll([7, 8])
        var array = [UInt8](repeating: 1, count: 4)
        var elements = array.mutableSpan
        var bytes = elements.mutableBytes
        #expect(try other.receive(into: &bytes) == 2)
        #expect(array == [7, 8, 1, 1])
    }

    @Test("receiving into an output span adds to what it holds")
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

    @Test("appending adds to the end of an array and keeps what it had")
    func appending() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll("cd")
        var bytes = Array("ab".utf8)
        #expect(try other.receive(appendingTo: &bytes, atMost: 1) == 1)
        #expect(bytes == Array("abc".utf8))
    }

    @Test("peeking leaves what it saw")
    func peek() throws {
        let (one, other) = try Socket.pair()
        try one.sendAll("look")
        #expect(try other.peek(atMost: 2) == Array("lo".utf8))
        #expect(try other.receive() == Array("look".utf8))
        let error = #expect(throws: SocketError.self) { try other.peek(timeout: .milliseconds(5)) }
        #expect(error?.isTimeout == true)
    }

    @Test("a count of zero or less receives nothing and does not wait")
    func zeroCount() throws {
        let (one, other) = try Socket.pair()
        #expect(try other.receive(atMost: 0).isEmpty)
        #expect(try other.receive(atMost: -5).isEmpty)
        try one.sendAll("still here")
        #expect(try other.receive(atMost: 0).isEmpty)
        #expect(try other.receive() == Array("still here".utf8))
    }

    @Test("interruptions by signals are gone on from, with and without a limit")
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

    @Test("a reset by the peer is an error that names it")
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

    @Test("a time-out loses nothing")
    func timeoutLosesNothing() throws {
        let (one, other) = try Socket.pair()
        _ = #expect(throws: SocketError.self) { try other.receive(timeout: .milliseconds(5)) }
        try one.sendAll("later")
        #expect(try other.receive() == Array("later".utf8))
    }
}
