import Testing

@testable import sock

@Suite(.ownThread)
struct QueueBarTests {
    @Test("an empty queue has dots, a full one blocks, and one between a part of a block")
    func drawn() {
        #expect(QueueBar.drawn(0, of: 100) == "······")
        #expect(QueueBar.drawn(100, of: 100) == "██████")
        #expect(QueueBar.drawn(50, of: 100) == "███···")
        #expect(QueueBar.drawn(28, of: 48) == "███▌··")
    }

    @Test("whatever is there is seen, and more than a limit is full")
    func edges() {
        #expect(QueueBar.drawn(1, of: 1_000_000) == "▏·····")
        #expect(QueueBar.drawn(9, of: 1) == "██████")
        #expect(QueueBar.drawn(9, of: 0) == "██████")
        #expect(QueueBar.drawn(-1, of: 1) == "······")
        #expect(QueueBar.drawn(5, of: nil) == "███···")
    }

    @Test("it is always as wide")
    func width() {
        for amount in 0...200 { #expect(QueueBar.drawn(amount, of: 150).count == 6) }
    }
}
