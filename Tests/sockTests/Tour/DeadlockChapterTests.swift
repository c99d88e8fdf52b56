import Testing

@Suite(.ownThread)
struct DeadlockChapterTests {
    @Test("every Swift line that the deadlock chapter shows is executed")
    func shownLinesRun() throws {
        try TourText.expectShownLinesToRun(in: "DeadlockChapter")
    }

    @Test("both ends of the deadlock report `bothWriting` and then receive all bytes")
    func deadlock() throws {
        let text = try SockProgram.run("tour").text
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let stalls = words.matches(of: /timed out after 1 s \(\d+ bytes were sent\)/)
        #expect(stalls.count == 2)
        let verdicts = words.matches(
            of: /Deadlock: both ends are writing, and neither reads \(both-writing,/)
        #expect(verdicts.count == 2)
        #expect(text.split(separator: "\n").filter { $0.hasSuffix("→ 32 MiB received") }.count == 2)
    }
}
