import Testing

@Suite(.ownThread)
struct ClientChaptersTests {
    @Test("every line of Swift that is shown is one that runs")
    func honest() throws {
        try TourText.expectShownLinesToRun(in: "ClientChapters")
    }
}
