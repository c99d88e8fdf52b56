import Testing

@testable import sock

@Suite(.ownThread)
struct QueueBarTests {
    @Test("a queue bar shows empty, full and partial fill with dots and blocks")
    func drawn() {
        #expect(QueueBar.drawn(0, of: 100) == "······")
        #expect(QueueBar.drawn(100, of: 100) == "██████")
        #expect(QueueBar.drawn(50, of: 100) == "███···")
        #expect(QueueBar.drawn(28, of: 48) == "███▌··")
    }

    @Test("a queue bar shows even a single byte, and is full for an amount beyond the limit")
    func edges() {
        #expect(QueueBar.drawn(1, of: 1_000_000) == "▏·····")
        #expect(QueueBar.drawn(9, of: 1) == "██████")
        #expect(QueueBar.drawn(9, of: 0) == "██████")
        #expect(QueueBar.drawn(-1, of: 1) == "······")
        #expect(QueueBar.drawn(5, of: nil) == "███···")
    }

    @Test("a queue bar always has a width of 6")
    func width() {
        for amount in 0...200 { #expect(QueueBar.drawn(amount, of: 150).count == 6) }
    }
}
