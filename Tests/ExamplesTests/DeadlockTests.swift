import Testing

@Suite("Deadlock", .ownThread)
struct DeadlockTests {
    @Test("the program reports a deadlock and the bytes sent, and both cures transfer all bytes")
    func showsAndCuresDeadlock() throws {
        let lines = try Program("Deadlock").remainingLines()
        let count = try #require(
            lines.lazy.compactMap { $0.firstMatch(of: /\((\d+) bytes were sent\)/) }.first)
        let sent = try #require(Int(count.1))
        #expect((1..<16_777_216).contains(sent))
        // The line of evidence, whose numbers vary.
        try #require(lines.count > 3)
        #expect(
            lines[3].hasPrefix("    ") && lines[3].contains("wait in the peer's full buffer"))
        #expect(
            lines[..<3] + lines[4...] == [
                "The client sends 16777216 bytes and receives only afterwards:",
                "  Deadlock: cannot send: timed out after 1 s (\(sent) bytes were sent)",
                "    Deadlock: both ends are writing, and neither reads (both-writing, likely).",
                "    Read while you write, with `exchange` or in another thread or task.",
                "  The server cannot send either, because the client does not receive.",
                "First cure, threads: one thread sends while another receives:",
                "  Received 16777216 bytes",
                "Second cure, a reply per request: little data is in flight at any time:",
                "  Received 16777216 bytes, 4096 at a time",
            ])
    }
}
