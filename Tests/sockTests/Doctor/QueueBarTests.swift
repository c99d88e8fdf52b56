import Testing

@testable import sock

@Suite(.ownThread)
struct QueueBarTests {
    @Test("an empty queue has dots, a full one has blocks, and others a part of a block")
    func drawn() {
        #expect(QueueBar.drawn(0, of: 100) == "······")
        #expect(QueueBar.drawn(100, of: 100) == "██████")
        #expect(QueueBar.drawn(50, of: 100) == "███···")
        #expect(QueueBar.drawn(28, of: 48) == "███▌··")
    }

    @Test("any byte is visible, and more than the limit is full")
    func edges() {
        #expect(QueueBar.drawn(1, of: 1_000_000) == "▏·····")
        #expect(QueueBar.drawn(9, of: 1) == "██████")
        #expect(QueueBar.drawn(9, of: 0) == "██████")
        #expect(QueueBar.drawn(-1, of: 1) == "······")
        #expect(QueueBar.drawn(5, of: nil) == "███···")
    }

    @Test("the width is constant")
    func width() {
        for amount in 0...200 { #expect(QueueBar.drawn(amount, of: 150).count == 6) }
    }
}
