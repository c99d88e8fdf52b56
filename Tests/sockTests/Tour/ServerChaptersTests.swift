import Testing

@Suite(.ownThread)
struct ServerChaptersTests {
    @Test("every Swift line that the server chapters show is executed")
    func shownLinesRun() throws {
        try TourText.expectShownLinesToRun(in: "ServerChapters")
    }
}
