import Synchronization
import Testing

@testable import Sockets

@Suite("Connection: withReceived", .ownThread)
struct ConnectionReceivedTests {
    private struct Refusal: Error {}

    @Test(
        "withReceived passes the received bytes to its body, on and off an event loop",
        arguments: [true, false])
    func passesBytes(onLoop: Bool) async throws {
        let (here, there) = try Connection.pair()
        try await here.write("hello")
        let task = Task(executorPreference: onLoop ? there.source.loop : nil) {
            try await there.withReceived { $0.withUnsafeBytes { [UInt8]($0) } }
        }
        #expect(try await task.value == Array("hello".utf8))
    }

    @Test("withReceived returns nil at end of stream")
    func end() async throws {
        let (here, there) = try Connection.pair()
        try here.shutdown(.write)
        #expect(try await there.withReceived { $0.byteCount } == nil)
    }

    @Test("withReceived consumes the bytes even if the body throws")
    func throwing() async throws {
        let (here, there) = try Connection.pair()
        try await here.write("one")
        await #expect(throws: Refusal.self) {
            try await there.withReceived { _ in throw Refusal() }
        }
        try await here.write("two")
        #expect(try await there.read() == Array("two".utf8))
    }

    @Test("withReceived throws `busy` while another read is in progress")
    func busy() async throws {
        let (here, there) = try Connection.pair()
        let reader = Task { try await there.withReceived { $0.byteCount } }
        while !there.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        let error = await #expect(throws: SocketError.self) {
            try await there.withReceived { $0.byteCount }
        }
        #expect(error?.cause == .busy)
        try await here.write("x")
        #expect(try await reader.value == 1)
    }
}
