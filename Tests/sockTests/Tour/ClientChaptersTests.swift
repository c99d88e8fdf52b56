import Testing

@Suite(.ownThread)
struct ClientChaptersTests {
    @Test("every shown line of Swift also runs")
    func honest() throws {
        try TourText.expectShownLinesToRun(in: "ClientChapters")
    }
}
