import Testing

@Suite("StalledConnection", .ownThread)
struct StalledConnectionTests {
    @Test(
        "the program prints the verdict of each stall situation",
        arguments: [
            ("peer-not-reading", "peer-not-reading"), ("both-writing", "both-writing"),
            ("both-waiting", "both-waiting"), ("not-reading", "not-reading"),
            ("slow", "peer-reading-slowly"), ("gone", "peer-gone"),
        ])
    func verdicts(situation: String, code: String) throws {
        let lines = try Program("StalledConnection", situation).remainingLines()
        // A timeout has a line about the error and three lines of the report.
        try #require(lines.count == 3 || lines.count == 4)
        #expect(lines[lines.count - 3].contains("(\(code), "))
    }

    @Test("the program prints its usage when called without a situation")
    func usage() throws {
        let lines = try Program("StalledConnection").remainingLines()
        #expect(lines.first?.hasPrefix("usage: StalledConnection peer-not-reading|") == true)
    }
}
