import Testing

@Suite(.ownThread)
struct ClientChaptersTests {
    @Test("every Swift line that the client chapters show is executed")
    func shownLinesRun() throws {
        try TourText.expectShownLinesToRun(in: "ClientChapters")
    }
}
