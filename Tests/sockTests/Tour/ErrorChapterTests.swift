import Testing

@Suite(.ownThread)
struct ErrorChapterTests {
    @Test("every line of Swift that is shown is one that runs")
    func honest() throws {
        try TourText.expectShownLinesToRun(in: "ErrorChapter")
    }

    @Test("all four classes are provoked")
    func classes() throws {
        let text = try SockProgram.run("tour").text
        for name in ["socket.error", "socket.gaierror", "socket.herror", "socket.timeout"] {
            #expect(text.contains("Python's \(name)\n"))
        }
    }
}
