import Testing

@testable import Sockets

@Suite("Connection: reading", .ownThread)
struct ConnectionReadingTests {
    private let peer: Socket
    private let connection: Connection

    init() throws {
        let (one, other) = try Socket.pair()
        peer = one
        connection = try Connection(adopting: other)
    }

    @Test("each form of read returns at most as many bytes as requested")
    func counts() async throws {
        try peer.sendAll("abcdef")
        #expect(try await connection.read(atMost: 2) == Array("ab".utf8))
        var array: [UInt8] = [0x2D]
        #expect(try await connection.read(appendingTo: &array, atMost: 1) == 1)
        #expect(array == Array("-c".utf8))
        #expect(try await Self.readIntoSpan(connection) == Array("def.".utf8))
        peer.close()
        #expect(try await connection.read().isEmpty)
        #expect(try await connection.read().isEmpty)
    }

    private static func readIntoSpan(_ connection: Connection) async throws -> [UInt8] {
        var array = [UInt8](repeating: UInt8(ascii: "."), count: 4)
        var elements = array.mutableSpan
        var bytes = elements.mutableBytes
        #expect(try await connection.read(into: &bytes) == 3)
        return array
    }

    @Test("reading into a span returns bytes from the kernel and bytes left in the buffer")
    func intoSpan() async throws {
        var array = [UInt8](repeating: 0x2E, count: 3)
        var elements = array.mutableSpan
        var bytes = elements.mutableBytes
        try peer.sendAll("ab")
        #expect(try await connection.read(into: &bytes) == 2)
        try peer.sendAll("line\nrest")
        #expect(try await connection.readLine() == "line")
        #expect(try await connection.read(into: &bytes) == 3)
        #expect(array == Array("res".utf8))
    }

    @Test("reading into a span throws `timedOut` after the time limit")
    func intoSpanTimesOut() async throws {
        var array = [UInt8](repeating: 0, count: 3)
        var elements = array.mutableSpan
        var bytes = elements.mutableBytes
        do throws(SocketError) {
            _ = try await connection.read(into: &bytes, timeout: .milliseconds(1))
            Issue.record("the read did not time out")
        } catch {
            #expect(error.isTimeout && error.operation == .read)
        }
    }

    @Test("reading into an OutputRawSpan appends bytes up to the capacity")
    func intoStorage() async throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 6, alignment: 1)
        defer { memory.deallocate() }
        var output = OutputRawSpan(buffer: memory, initializedCount: 0)
        output.append(UInt8(ascii: ">"))
        try peer.sendAll("ab")
        #expect(try await connection.read(into: &output) == 2)
        try peer.sendAll("line\nrest")
        #expect(try await connection.readLine() == "line")
        #expect(try await connection.read(into: &output) == 3)
        #expect(try await connection.read(into: &output) == 0)
        #expect(output.finalize(for: memory) == 6)
        #expect(Array(memory) == Array(">abres".utf8))
    }

    @Test("reading into an OutputRawSpan throws `timedOut` after the time limit")
    func intoStorageTimesOut() async throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 6, alignment: 1)
        defer { memory.deallocate() }
        var output = OutputRawSpan(buffer: memory, initializedCount: 0)
        do throws(SocketError) {
            _ = try await connection.read(into: &output, timeout: .milliseconds(1))
            Issue.record("the read did not time out")
        } catch {
            #expect(error.isTimeout && error.operation == .read)
        }
        #expect(output.finalize(for: memory) == 0)
    }

    @Test("read with a count of zero or less returns no bytes at once")
    func zeroCount() async throws {
        #expect(try await connection.read(atMost: 0).isEmpty)
        #expect(try await connection.read(atMost: -1).isEmpty)
    }

    @Test("read waits until bytes arrive")
    func waits() async throws {
        let connection = connection
        async let bytes = connection.read(timeout: .seconds(10))
        try peer.sendAll("later")
        #expect(try await bytes == Array("later".utf8))
    }

    @Test("read returns first the bytes and then the end of stream if both arrive together")
    func bytesAndEnd() async throws {
        for _ in 0..<200 {
            let (one, other) = try Socket.pair()
            let connection = try Connection(adopting: other)
            try one.sendAll("last words")
            one.close()
            #expect(try await connection.read(timeout: .seconds(5)) == Array("last words".utf8))
            #expect(try await connection.read(timeout: .seconds(5)).isEmpty)
        }
    }

    @Test("read times out no earlier than its limit, and the next read succeeds")
    func timesOut() async throws {
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await connection.read(timeout: .milliseconds(30))
        }
        #expect(error?.cause == .timedOut(limit: .milliseconds(30)))
        #expect(start.duration(to: .now) >= .milliseconds(30))
        try peer.sendAll("x")
        #expect(try await connection.read() == [0x78])
    }

    @Test("readTimeout limits each read that has no timeout argument")
    func ownLimit() async throws {
        connection.readTimeout = .milliseconds(10)
        let error = await #expect(throws: SocketError.self) { try await connection.read() }
        #expect(error?.cause == .timedOut(limit: .milliseconds(10)))
        connection.readTimeout = .never
        try peer.sendAll("x")
        #expect(try await connection.read() == [0x78])
    }

    @Test("read throws `busy` while another read is in progress")
    func secondReader() async throws {
        let connection = connection
        try connection.source.beginReading()
        let error = await #expect(throws: SocketError.self) { try await connection.read() }
        #expect(error?.cause == .busy)
        #expect(
            error?.description
                == "cannot read: another task is already reading from this connection")
        connection.source.endReading()
        try peer.sendAll("x")
        #expect(try await connection.read() == [0x78])
    }

    @Test("a cancelled read throws `cancelled`, and the next read succeeds")
    func cancelled() async throws {
        let connection = connection
        let reading = Task { try await connection.read() }
        reading.cancel()
        let error = await #expect(throws: SocketError.self) { try await reading.value }
        #expect(error?.cause == .cancelled)
        try peer.sendAll("x")
        #expect(try await connection.read() == [0x78])
    }

    @Test("read throws `connectionReset` after the peer resets")
    func reset() async throws {
        let (client, server) = try Loopback.tcpPair()
        let connection = try Connection(adopting: client)
        try server.setOption(.linger, to: .zero)
        server.close()
        for _ in 0..<3 {
            let error = await #expect(throws: SocketError.self) {
                try await connection.read(timeout: .seconds(5))
            }
            #expect(error?.errno == .connectionReset)
        }
    }

    @Test("close during a read makes the read throw `closed` instead of returning end of stream")
    func closed() async throws {
        for _ in 0..<200 {
            let (here, there) = try Connection.pair()
            let reading = Task { try await here.read() }
            await Task.yield()
            here.close()
            let result = await reading.result
            guard case .failure(let error as SocketError) = result else {
                Issue.record("expected an error")
                return
            }
            #expect(error.cause == .closed)
            withExtendedLifetime(there) {}
        }
    }
}
