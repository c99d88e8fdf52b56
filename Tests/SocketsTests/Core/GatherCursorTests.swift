import Testing

@testable import Sockets

@Suite("GatherCursor")
struct GatherCursorTests {
    @Test("advance stops inside a part and skips empty parts")
    func advances() {
        var cursor = GatherCursor([[], [1, 2, 3], [], [4]])
        cursor.advance(by: 2)
        #expect(cursor.parts.first == [1, 2, 3])
        #expect(cursor.skipped == 2)
        cursor.advance(by: 1)
        #expect(cursor.parts.first == [4])
        #expect(cursor.skipped == 0)
        cursor.advance(by: 1)
        #expect(cursor.isAtEnd)
        #expect(cursor.advanced == 4)
    }

    @Test("a cursor over empty parts is at its end")
    func empty() {
        #expect(GatherCursor([[], []]).isAtEnd)
        #expect(GatherCursor([]).isAtEnd)
    }
}
