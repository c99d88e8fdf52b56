import Testing

@testable import Sockets

@Suite("MessageMemory")
struct MessageMemoryTests {
    @Test("room(for:) reuses its memory")
    func same() {
        let memory = MessageMemory()
        let first = memory.room(for: 65535).baseAddress
        #expect(memory.room(for: 65535).baseAddress == first)
        #expect(memory.room(for: 1).baseAddress == first)
    }

    @Test(
        "room(for:) returns the requested size, clamped to the range from 0 to 16 MiB",
        arguments: [(0, 0), (-5, 0), (1, 1), (200_000, 200_000), (.max, 1 << 24)])
    func counts(requested: Int, expected: Int) {
        #expect(MessageMemory().room(for: requested).count == expected)
    }
}
