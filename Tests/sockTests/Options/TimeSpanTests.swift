import Testing

@testable import sock

@Suite(.ownThread)
struct TimeSpanTests {
    @Test(
        "a time is a number of seconds, or a number with a unit",
        arguments: [
            ("3", Duration.seconds(3)), ("0.5", .milliseconds(500)), ("30s", .seconds(30)),
            ("500ms", .milliseconds(500)), ("2m", .seconds(120)), ("0", .zero),
            ("1.5s", .milliseconds(1500)), ("007", .seconds(7)),
        ])
    func times(text: String, expected: Duration) {
        #expect(TimeSpan.duration(text) == expected)
    }

    @Test(
        "other text is not a time",
        arguments: [
            "", "-1", "+3", "3x", "s", "ms", ".", "1.", ".5", "1.2.3", "1e3", "0x10", "٣", "3 s",
            " 3", "3h", "nan", "inf", "99999999999999999999", "3s3",
        ])
    func refused(text: String) {
        #expect(TimeSpan.duration(text) == nil)
    }

    @Test("the error names the flag and the text")
    func error() {
        let expected = UsageError("-w needs a time such as 3, 0.5, 30s or 500ms, not '3x'")
        #expect(throws: expected) { try TimeSpan.parse("3x", of: "-w") }
    }
}
