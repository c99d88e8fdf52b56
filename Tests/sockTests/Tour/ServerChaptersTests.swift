import Testing

@Suite(.ownThread)
struct ServerChaptersTests {
    @Test("every line of Swift that is shown is one that runs")
    func honest() throws {
        try TourText.expectShownLinesToRun(in: "ServerChapters")
    }
}
