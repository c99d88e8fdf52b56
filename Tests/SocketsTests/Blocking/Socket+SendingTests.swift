import Testing

@testable import Sockets

@Suite("Socket: send", .ownThread)
struct SocketSendingTests {
    @Test("sending zero bytes sends an empty datagram, but nothing on a stream")
    func noBytes() throws {
        for kind in [SocketType.datagram, .sequencedPacket] {
            let (one, other) = try Socket.pair(kind)
            try one.sendAll([UInt8]())
            try one.sendAll(parts: [])
            try one.sendAll("x")
            #expect(try other.receive(timeout: .seconds(5)).isEmpty)
            #expect(try other.receive(timeout: .seconds(5)).isEmpty)
            #expect(try other.receive(timeout: .seconds(5)) == [0x78])
        }
        let (one, other) = try Socket.pair()
        try one.sendAll([UInt8]())
        try one.sendAll(parts: [[]])
        try one.sendAll("x")
        #expect(try other.receive(timeout: .seconds(5)) == [0x78])
        // Nothing is sent, so a missing peer is not an error.
        try one.shutdown(.write)
        try one.sendAll([UInt8]())
    }

    @Test("send accepts arrays, strings and spans")
    func kindsOfBytes() throws {
        let (one, other) = try Socket.pair()
        #expect(try one.send([1, 2]) == 2)
        #expect(try one.send("äß") == 4)
        let more: [UInt8] = [9]
        try one.sendAll(more.span.bytes)
        #expect(try other.readAll(7) == [1, 2] + Array("äß".utf8) + [9])
    }

    @Test("sendAll neither loses nor repeats bytes after short writes and EINTR")
    func sendAllContinues() throws {
        let (one, other) = try Loopback.tcpPair()
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        let faults = FaultInjection([
            .send: [.short(1), .error(.interrupted), .short(300), .error(.interrupted), .short(7)]
        ])
        try FaultInjection.$current.withValue(faults) { try one.sendAll(bytes) }
        #expect(faults.remaining(of: .send) == 0)
        #expect(try other.readAll(1000) == bytes)
    }

    @Test("a sendAll that times out reports the exact number of bytes sent")
    func sendAllTimesOut() throws {
        let (one, other) = try Loopback.tcpPair()
        let bytes = [UInt8](repeating: 5, count: 64 << 20)
        let error = try #require(
            #expect(throws: SocketError.self) {
                try one.sendAll(bytes, timeout: .milliseconds(100))
            })
        #expect(error.cause == .timedOut(limit: .milliseconds(100)))
        #expect(error.bytesTransferred > 0)
        #expect(
            error.firstLine
                == "cannot send to \(other.localAddress): timed out after 100 ms"
                + " (\(error.bytesTransferred) bytes were sent)")
        one.close()
        #expect(try other.readToTheEnd() == error.bytesTransferred)
    }

    @Test("send to a closed peer throws EPIPE without SIGPIPE")
    func brokenPipe() throws {
        let (one, other) = try Socket.pair()
        other.close()
        for send in [
            { try one.send("x") }, { try one.send(parts: [[1], [2]]) },
        ] as [() throws -> Int] {
            let error = #expect(throws: SocketError.self) { try send() }
            #expect(error?.errno == .brokenPipe)
        }
    }

    @Test("sendAll(parts:) sends all parts in order, even empty parts and more than 64 parts")
    func vectored() throws {
        let (one, other) = try Socket.pair()
        let parts = (0..<200).map { [UInt8](repeating: UInt8($0), count: $0 % 5) }
        try one.sendAll(parts: parts)
        #expect(try other.readAll(400) == parts.flatMap { $0 })
        try one.sendAll(parts: [])
        try one.sendAll(parts: [[], []])
    }

    @Test("sendAll(parts:) continues inside a part after short writes")
    func vectoredShortWrites() throws {
        let (one, other) = try Socket.pair()
        let parts: [[UInt8]] = [[1, 2, 3], [], [4, 5, 6, 7], [8]]
        let faults = FaultInjection([
            .sendmsg: [.short(2), .short(3), .error(.interrupted), .short(1), .short(1)]
        ])
        try FaultInjection.$current.withValue(faults) { try one.sendAll(parts: parts) }
        #expect(faults.remaining(of: .sendmsg) == 0)
        #expect(try other.readAll(8) == [1, 2, 3, 4, 5, 6, 7, 8])
    }

    @Test("send(parts:) sends one datagram and rejects more than 64 parts")
    func vectoredDatagram() throws {
        let (one, other) = try Socket.pair(.datagram)
        #expect(try one.send(parts: [[1], [2, 3]]) == 3)
        #expect(try other.receive() == [1, 2, 3])
        let error = #expect(throws: SocketError.self) {
            try one.send(parts: [[UInt8]](repeating: [1], count: 65))
        }
        #expect(
            error?.description == "cannot send: a datagram can have at most 64 pieces, not 65")
    }

    @Test("sending a datagram that is too long throws `messageTooLong`")
    func messageTooLong() throws {
        let receiver = try Loopback.udp()
        let sender = try Loopback.udp()
        let error = #expect(throws: SocketError.self) {
            try sender.send([UInt8](repeating: 0, count: 70_000), to: receiver.localAddress)
        }
        #expect(error?.errno == .messageTooLong)
        #expect(
            error?.description == "cannot send to \(receiver.localAddress): message too long")
    }
}

extension Socket {
    /// Receives exactly `count` bytes.
    func readAll(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try receive(
                appendingTo: &bytes, atMost: count - bytes.count, timeout: .seconds(10))
            if more == 0 { break }
        }
        return bytes
    }

    /// Receives until end of stream, and returns the number of bytes.
    func readToTheEnd() throws -> Int {
        var total = 0
        while case let more = try receive(timeout: .seconds(10)).count, more > 0 { total += more }
        return total
    }
}
