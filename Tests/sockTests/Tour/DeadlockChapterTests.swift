import Testing

@Suite(.ownThread)
struct DeadlockChapterTests {
    @Test("every line of Swift that is shown is one that runs")
    func honest() throws {
        try TourText.expectShownLinesToRun(in: "DeadlockChapter")
    }

    @Test("both ends stall, and tell how many bytes went; then all of them go both ways")
    func deadlock() throws {
        let text = try SockProgram.run("tour").text
        let stalls = text.split(separator: "\n").filter {
            $0.contains("timed out after 1 s (") && $0.hasSuffix(" bytes were sent)")
        }
        #expect(stalls.count == 2)
        let verdicts = text.split(separator: "\n").filter {
            $0.contains("Both ends are writing, and neither reads (both-writing,")
        }
        #expect(verdicts.count == 2)
        #expect(text.split(separator: "\n").filter { $0.hasSuffix("→ 32 MiB received") }.count == 2)
    }
}
