import Testing

@testable import Sockets

@Suite("BufferedWriter", .ownThread)
struct BufferedWriterTests {
    private let peer: Connection
    private let connection: Connection

    init() throws { (peer, connection) = try Connection.pair() }

    @Test(
        "the bytes of all kinds of writes stay in the buffer until flush sends them in order",
        arguments: [11, 65536, .max])
    func kinds(size: Int) async throws {
        let writer = BufferedWriter(connection, bufferSize: size)
        try await writer.write([1, 2])
        try await writer.write("ab")
        try await writer.write("")
        try await writer.write(0x0304, as: UInt16.self)
        try await writer.write(0x0304, as: UInt16.self, byteOrder: .littleEndian)
        try await writer.writeFrame([7], length: .uint8())
        #expect(writer.count == 10)
        let error = await #expect(throws: SocketError.self) {
            try await peer.read(timeout: .milliseconds(1))
        }
        #expect(error?.isTimeout == true)
        try await writer.flush()
        #expect(writer.count == 0)
        #expect(try await peer.read() == [1, 2] + Array("ab".utf8) + [3, 4, 4, 3, 1, 7])
    }

    @Test("a write that fills the buffer sends it")
    func full() async throws {
        let writer = BufferedWriter(connection, bufferSize: 4)
        try await writer.write("abc")
        #expect(writer.count == 3)
        try await writer.write("de")
        #expect(writer.count == 0)
        #expect(try await peer.read() == Array("abcde".utf8))
    }

    @Test("a buffer size below 1 sends each write at once", arguments: [0, -1, .min])
    func withoutBuffer(size: Int) async throws {
        let writer = BufferedWriter(connection, bufferSize: size)
        try await writer.write("a")
        #expect(writer.count == 0)
        #expect(try await peer.read() == Array("a".utf8))
    }

    @Test("writeFrame throws `tooLarge` for a payload beyond the limit, and writes nothing")
    func payloadTooLarge() async throws {
        let writer = BufferedWriter(connection)
        let error = await #expect(throws: SocketError.self) {
            try await writer.writeFrame([1, 2, 3], length: .uint8(limit: 2))
        }
        #expect(error?.cause == .tooLarge(limit: 2))
        #expect(writer.count == 0)
    }

    @Test("flush does nothing if the buffer is empty, and throws `closed` after close otherwise")
    func closed() async throws {
        let writer = BufferedWriter(connection)
        try await writer.write("a")
        connection.close()
        let error = await #expect(throws: SocketError.self) { try await writer.flush() }
        #expect(error?.cause == .closed)
        #expect(writer.count == 1)
        try await BufferedWriter(connection).flush()
    }

    @Test("a flush continues where an earlier flush ended part-way", arguments: [false, true])
    func continues(usesTLS: Bool) async throws {
        let (peer, connection) =
            usesTLS ? try await TLSPeers.unixPair() : (self.peer, self.connection)
        let block = pattern(8 << 20)
        let writer = BufferedWriter(connection)
        var error = await #expect(throws: SocketError.self) {
            try await writer.write(block, timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        // The buffer has accepted the whole block.
        #expect(error?.bytesTransferred == block.count)
        let remaining = writer.count
        #expect((1..<block.count).contains(remaining))

        // Other writes throw, because their bytes would interrupt the block.
        error = await #expect(throws: SocketError.self) { try await connection.write("x") }
        #expect(error?.cause == .incompleteWrite)
        error = await #expect(throws: SocketError.self) {
            let other = BufferedWriter(connection)
            try await other.write("x")
            try await other.flush()
        }
        #expect(error?.cause == .incompleteWrite)

        // The full buffer accepts nothing while the peer reads nothing.
        error = await #expect(throws: SocketError.self) {
            try await writer.write("end", timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        #expect(error?.bytesTransferred == 0)
        #expect(writer.count <= remaining)

        let reading = Task { try await peer.readExactly(block.count + 4) }
        try await writer.write("end", timeout: .seconds(30))
        try await writer.flush(timeout: .seconds(30))
        try await connection.write("x")
        let received = try await reading.value
        let isSame = received == block + Array("endx".utf8)
        #expect(isSame)
    }

    @Test("writes of several tasks of an actor stay whole while flushes wait")
    func actors() async throws {
        let output = Output(connection)
        let peer = peer
        let (tasks, frames, size) = (4, 20, 50_000)
        let reading = Task {
            var counts = [UInt8: Int]()
            for _ in 0..<tasks * frames {
                let frame = try #require(try await peer.readFrame(length: .uint32()))
                let first = try #require(frame.first)
                let isUniform = frame == [UInt8](repeating: first, count: size)
                #expect(isUniform)
                counts[first, default: 0] += 1
            }
            return counts
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<tasks {
                group.addTask {
                    let frame = [UInt8](repeating: UInt8(number), count: size)
                    for _ in 0..<frames { try await output.send(frame) }
                }
            }
            try await group.waitForAll()
        }
        try await output.flush()
        #expect(try await reading.value == [0: frames, 1: frames, 2: frames, 3: frames])
    }

    private actor Output {
        private let writer: BufferedWriter

        init(_ connection: Connection) {
            writer = BufferedWriter(connection, bufferSize: 60_000)
        }

        func send(_ frame: [UInt8]) async throws {
            try await writer.writeFrame(frame, length: .uint32())
        }

        func flush() async throws { try await writer.flush() }
    }
}
