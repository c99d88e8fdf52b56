import Testing

@testable import Sockets

@Suite("SocketStream: writing", .ownThread)
struct SocketStreamWritingTests {
    private let peer: Socket
    private let stream: SocketStream

    init() throws {
        let (one, other) = try Socket.pair()
        peer = one
        stream = SocketStream(other, bufferSize: 16)
    }

    @Test("small writes stay in the buffer until flush")
    func buffered() throws {
        try stream.write("one ")
        try stream.write([0x32])
        let error = #expect(throws: SocketError.self) {
            try peer.receive(timeout: .milliseconds(5))
        }
        #expect(error?.isTimeout == true)
        try stream.flush()
        #expect(try peer.receive() == Array("one 2".utf8))
        try stream.flush()
    }

    @Test("writes of all sizes arrive completely and in order")
    func allSizes() throws {
        let sizes = [0, 1, 15, 16, 17, 31, 32, 33, 100, 5, 16, 1000, 3]
        var expected: [UInt8] = []
        for (index, size) in sizes.enumerated() {
            let bytes = [UInt8](repeating: UInt8(index), count: size)
            try stream.write(bytes)
            expected += bytes
        }
        try stream.flush()
        #expect(try peer.readAll(expected.count) == expected)
    }

    @Test("write and flush neither lose nor repeat bytes after short writes and EINTR")
    func shortWrites() throws {
        let bytes = (0..<200).map { UInt8($0) }
        let faults = FaultInjection([
            .send: [.short(3), .error(.interrupted), .short(1), .short(9), .short(2), .short(20)]
        ])
        try FaultInjection.$current.withValue(faults) {
            for start in stride(from: 0, to: 200, by: 20) {
                try stream.write(Array(bytes[start..<start + 20]))
            }
            try stream.flush()
        }
        #expect(faults.remaining(of: .send) == 0)
        #expect(try peer.readAll(200) == bytes)
    }

    @Test("the next flush sends the bytes of a flush that timed out")
    func flushTimesOut() throws {
        let filled = try Loopback.fill(stream.socket)
        try stream.write("after")
        let error = #expect(throws: SocketError.self) {
            try stream.flush(timeout: .milliseconds(10))
        }
        #expect(error?.isTimeout == true)
        #expect(error?.operation == .write)
        let peer = peer
        let reading = Background { try peer.readAll(filled + 5).suffix(5) }
        try stream.flush()
        #expect(try Array(reading.value()) == Array("after".utf8))
    }

    @Test("after a partial write, write throws `incompleteWrite` until resumeWriting is called")
    func incompleteWrite() throws {
        let plenty = [UInt8](repeating: 1, count: 16 << 20)
        let error = try #require(
            #expect(throws: SocketError.self) {
                try stream.write(plenty, timeout: .milliseconds(20))
            })
        #expect(error.isTimeout)
        #expect(error.bytesTransferred > 0 && error.bytesTransferred < plenty.count)
        let refused = #expect(throws: SocketError.self) { try stream.write("more") }
        #expect(refused?.cause == .incompleteWrite)
        let peer = peer
        let reading = Background { try peer.readAll(plenty.count) }
        stream.resumeWriting()
        try stream.write(Array(plenty[error.bytesTransferred...]))
        try stream.flush()
        #expect(try reading.value() == plenty)
    }

    @Test("a write that timed out without sending a byte can be repeated")
    func writeThatDidNotBegin() throws {
        let filled = try Loopback.fill(stream.socket)
        try stream.write([UInt8](repeating: 2, count: 15))
        try stream.write([2])
        let error = #expect(throws: SocketError.self) {
            try stream.write("x", timeout: .milliseconds(10))
        }
        #expect(error?.bytesTransferred == 0)
        let peer = peer
        let reading = Background { try peer.readAll(filled + 17).suffix(17) }
        try stream.write("x")
        try stream.flush()
        #expect(try Array(reading.value()) == [UInt8](repeating: 2, count: 16) + [0x78])
    }

    @Test("the error of a flush to a closed peer names the operation write")
    func brokenPipe() throws {
        peer.close()
        try stream.write("x")
        let error = #expect(throws: SocketError.self) { try stream.flush() }
        #expect(error?.description == "cannot write: broken pipe")
    }
}
