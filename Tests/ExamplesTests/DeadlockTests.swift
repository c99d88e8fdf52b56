import Testing

@Suite("Deadlock", .ownThread)
struct DeadlockTests {
    @Test("the time limit ends the deadlock and says how much had gone, and both cures work")
    func theDeadlockIsShownAndCured() throws {
        let lines = try Program("Deadlock").remainingLines()
        let count = try #require(
            lines.lazy.compactMap { $0.firstMatch(of: /\((\d+) bytes were sent\)/) }.first)
        let sent = try #require(Int(count.1))
        #expect((1..<16_777_216).contains(sent))
        // The evidence, whose numbers differ.
        try #require(lines.count > 3)
        #expect(
            lines[3].hasPrefix("    ") && lines[3].contains("because the peer's buffer is full"))
        #expect(
            lines[..<3] + lines[4...] == [
                "The client sends 16777216 bytes, and only then receives:",
                "  Deadlock: cannot send: timed out after 1 s (\(sent) bytes were sent)",
                "    Both ends are writing, and neither reads (both-writing, likely).",
                "    Read while you write: use `exchange`, or read in another thread or task.",
                "  The server cannot send either: nobody receives what it has sent back.",
                "First cure, threads: one sends while the other receives:",
                "  Received 16777216 bytes",
                "Second cure, a reply per request: little data is under way at any time:",
                "  Received 16777216 bytes, 4096 at a time",
            ])
    }
}
