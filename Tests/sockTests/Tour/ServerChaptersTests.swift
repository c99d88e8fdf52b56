import Testing

@Suite(.ownThread)
struct ServerChaptersTests {
    @Test("every shown line of Swift also runs")
    func honest() throws {
        try TourText.expectShownLinesToRun(in: "ServerChapters")
    }
}
