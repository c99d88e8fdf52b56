import Testing

@testable import Sockets

@Suite("Connection: reading")
struct ConnectionReadingTests {
    @Test("what has come is read, and the end of the stream is nothing")
    func reads() async throws {
        let (here, there) = try Connection.pair()
        try await there.write("abc")
        there.close()
        var bytes: [UInt8] = [0]
        #expect(try await here.read(appendingTo: &bytes, atMost: 2) == 2)
        #expect(bytes == [0, 0x61, 0x62])
        #expect(try await here.read() == [0x63])
        #expect(try await here.read().isEmpty)
        #expect(try await here.read().isEmpty)
    }

    @Test("a time-out loses nothing, and does not stick")
    func timesOut() async throws {
        let (here, there) = try Connection.pair()
        here.readTimeout = .milliseconds(10)
        let error = await #expect(throws: SocketError.self) { try await here.read() }
        #expect(error?.cause == .timedOut(limit: .milliseconds(10)))
        try await there.write("x")
        #expect(try await here.read(timeout: .seconds(5)) == [0x78])
    }

    @Test("a close is not the end of the stream")
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
