import Testing

@testable import Sockets

@Suite("LentMemory", .ownThread)
struct LentMemoryTests {
    @Test("the same memory is lent again and again")
    func same() {
        let memory = LentMemory()
        let first = memory.room(for: 65535).baseAddress
        #expect(memory.room(for: 65535).baseAddress == first)
        #expect(memory.room(for: 1).baseAddress == first)
    }

    @Test(
        "as much is lent as was asked for, within reason",
        arguments: [(0, 0), (-5, 0), (1, 1), (200_000, 200_000), (.max, 1 << 24)])
    func counts(asked: Int, lent: Int) {
        #expect(LentMemory().room(for: asked).count == lent)
    }
}
