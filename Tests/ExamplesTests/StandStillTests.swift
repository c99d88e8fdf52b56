import Testing

@Suite("Stand still", .ownThread)
struct StandStillTests {
    @Test(
        "each situation gets its verdict",
        arguments: [
            ("peer-not-reading", "peer-not-reading"), ("both-writing", "both-writing"),
            ("both-waiting", "both-waiting"), ("not-reading", "not-reading"),
            ("slow", "peer-reading-slowly"), ("gone", "peer-gone"),
        ])
    func verdicts(situation: String, code: String) throws {
        let lines = try Program("StandStill", situation).remainingLines()
        // A time-out's first line says what failed; a report has three.
        try #require(lines.count == 3 || lines.count == 4)
        #expect(lines[lines.count - 3].contains("(\(code), "))
    }

    @Test("without a situation it tells which there are")
    func usage() throws {
        let lines = try Program("StandStill").remainingLines()
        #expect(lines.first?.hasPrefix("usage: StandStill peer-not-reading|") == true)
    }
}
