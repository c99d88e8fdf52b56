import Testing

@testable import Sockets

@Suite("Connection: duplex")
struct ConnectionDuplexTests {
    private struct Refusal: Error {}

    @Test("duplex runs both halves at the same time and returns both results")
    func both() async throws {
        let (here, there) = try Connection.pair()
        let serving = Task { try await there.copy(to: there) }
        let (read, written) = try await here.duplex { connection in
            try await connection.readToEnd().count
        } writing: { connection in
            for _ in 0..<50 { try await connection.write(pattern(65536)) }
            try connection.shutdown(.write)
            return 50 * 65536
        }
        #expect(read == written)
        #expect(try await serving.value == written)
    }

    @Test("duplex cancels the other half when one half throws, and keeps the connection open")
    func fails() async throws {
        let (here, there) = try Connection.pair()
        await #expect(throws: Refusal.self) {
            _ = try await here.duplex { connection in
                try await connection.readToEnd()
            } writing: { _ in
                throw Refusal()
            }
        }
        try await here.write("x")
        #expect(try await there.read() == [0x78])
    }
}
