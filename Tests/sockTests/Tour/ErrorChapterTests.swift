import Testing

@Suite(.ownThread)
struct ErrorChapterTests {
    @Test("every Swift line that the error chapter shows is executed")
    func shownLinesRun() throws {
        try TourText.expectShownLinesToRun(in: "ErrorChapter")
    }

    @Test("the tour shows all four classes of errors")
    func classes() throws {
        let text = try SockProgram.run("tour").text
        for name in ["socket.error", "socket.gaierror", "socket.herror", "socket.timeout"] {
            #expect(text.contains("Python's \(name)\n"))
        }
    }
}
