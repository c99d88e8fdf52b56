import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ClassicServiceTests {
    @Test("each service has its expected reply to a datagram")
    func datagrams() {
        let request: [UInt8] = [1, 2, 3]
        func reply(_ service: ClassicService) -> [UInt8]? {
            service.reply(to: request, seconds: 0, count: 0)
        }
        #expect(reply(.echo) == request)
        #expect(reply(.discard) == nil)
        #expect(reply(.daytime) == Daytime.text(0))
        #expect(reply(.time) == [0x83, 0xAA, 0x7E, 0x80])
        #expect(reply(.chargen) == CharacterGenerator.datagram(from: 0))
        #expect(reply(.sink) == [3, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test("reflectingPorts lists the ports of services that reply to any datagram")
    func reflecting() {
        #expect(ClassicService.reflectingPorts == [7, 13, 17, 19, 37])
    }

    /// Returns what a client receives after it sends bytes and half-closes.
    private func exchange(_ service: ClassicService, _ bytes: [UInt8]) async throws -> [UInt8] {
        let (client, served) = try Connection.pair()
        let serving = Task {
            try await service.serve(served)
            served.close()
        }
        try await client.write(bytes)
        try client.shutdown(.write)
        let reply = try await client.readToEnd(timeout: .seconds(20))
        try await serving.value
        return reply
    }

    @Test("each service sends its expected reply to a stream client")
    func streams() async throws {
        #expect(try await exchange(.echo, [1, 2, 3]) == [1, 2, 3])
        #expect(try await exchange(.discard, [1, 2, 3]).isEmpty)
        let count = try await exchange(.sink, [UInt8](repeating: 0, count: 1000))
        #expect(count == [0xE8, 3, 0, 0, 0, 0, 0, 0])
        #expect(try await exchange(.daytime, []).suffix(6) == Array(" UTC\r\n".utf8)[...])
        #expect(try await exchange(.time, []).count == 4)
    }

    @Test("the time service replies to a client that sends 100,000 bytes")
    func finish() async throws {
        let (client, served) = try Connection.pair()
        let serving = Task {
            try await ClassicService.time.serve(served)
            // `Listener.serve` also finishes the connection.
            await served.finish(timeout: .seconds(20))
        }
        try await client.write([UInt8](repeating: 0, count: 100_000), timeout: .seconds(20))
        #expect(try await client.readToEnd(timeout: .seconds(20)).count == 4)
        client.close()
        try await serving.value
    }

    @Test("chargen sends its pattern and discards input until the client disconnects")
    func chargen() async throws {
        let (client, served) = try Connection.pair()
        let serving = Task { try await ClassicService.chargen.serve(served) }
        let bytes = try await client.readExactly(200_000, timeout: .seconds(20))
        let cycle = CharacterGenerator.cycle
        #expect(zip(bytes, cycle + cycle + cycle).allSatisfy { $0 == $1 })
        try await client.write([UInt8](repeating: 0, count: 1 << 20), timeout: .seconds(20))
        client.close()
        await #expect(throws: SocketError.self) { try await serving.value }
    }
}
