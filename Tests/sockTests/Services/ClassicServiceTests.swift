import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ClassicServiceTests {
    @Test("what each service answers to a datagram")
    func datagrams() {
        let ask: [UInt8] = [1, 2, 3]
        func answer(_ service: ClassicService) -> [UInt8]? {
            service.answer(to: ask, seconds: 0, turn: 0)
        }
        #expect(answer(.echo) == ask)
        #expect(answer(.discard) == nil)
        #expect(answer(.daytime) == Daytime.text(0))
        #expect(answer(.time) == [0x83, 0xAA, 0x7E, 0x80])
        #expect(answer(.chargen) == CharacterGenerator.datagram(0))
        #expect(answer(.sink) == [3, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test("ports on which a service would answer back")
    func reflecting() {
        #expect(ClassicService.reflectingPorts == [7, 13, 17, 19, 37])
    }

    /// What a caller gets who sends this and half-closes.
    private func talk(_ service: ClassicService, _ bytes: [UInt8]) async throws -> [UInt8] {
        let (caller, served) = try Connection.pair()
        let serving = Task {
            try await service.serve(served)
            served.close()
        }
        try await caller.write(bytes)
        try caller.shutdown(.write)
        let answer = try await caller.readToEnd(timeout: .seconds(20))
        try await serving.value
        return answer
    }

    @Test("what each service does with a caller")
    func streams() async throws {
        #expect(try await talk(.echo, [1, 2, 3]) == [1, 2, 3])
        #expect(try await talk(.discard, [1, 2, 3]).isEmpty)
        let count = try await talk(.sink, [UInt8](repeating: 0, count: 1000))
        #expect(count == [0xE8, 3, 0, 0, 0, 0, 0, 0])
        #expect(try await talk(.daytime, []).suffix(6) == Array(" UTC\r\n".utf8)[...])
        #expect(try await talk(.time, []).count == 4)
    }

    @Test("a caller who goes on sending does not lose the answer")
    func lastWords() async throws {
        let (caller, served) = try Connection.pair()
        let serving = Task {
            try await ClassicService.time.serve(served)
            served.close()
        }
        try await caller.write([UInt8](repeating: 0, count: 100_000), timeout: .seconds(20))
        #expect(try await caller.readToEnd(timeout: .seconds(20)).count == 4)
        caller.close()
        try await serving.value
    }

    @Test("chargen sends the pattern until the caller hangs up, and reads what he sends meanwhile")
    func chargen() async throws {
        let (caller, served) = try Connection.pair()
        let serving = Task { try await ClassicService.chargen.serve(served) }
        let bytes = try await caller.readExactly(200_000, timeout: .seconds(20))
        let cycle = CharacterGenerator.cycle
        #expect(zip(bytes, cycle + cycle + cycle).allSatisfy { $0 == $1 })
        try await caller.write([UInt8](repeating: 0, count: 1 << 20), timeout: .seconds(20))
        caller.close()
        await #expect(throws: SocketError.self) { try await serving.value }
    }
}
