import Testing

@testable import sock

@Suite(.ownThread)
struct TimeSpanTests {
    @Test(
        "a number with an optional unit parses as a duration",
        arguments: [
            ("3", Duration.seconds(3)), ("0.5", .milliseconds(500)), ("30s", .seconds(30)),
            ("500ms", .milliseconds(500)), ("2m", .seconds(120)), ("0", .zero),
            ("1.5s", .milliseconds(1500)), ("007", .seconds(7)), (".5", .milliseconds(500)),
            (".25ms", .microseconds(250)), ("3h", .seconds(10_800)), ("1d", .seconds(86_400)),
            (".5d", .seconds(43_200)), ("1.5h", .seconds(5_400)),
        ])
    func times(text: String, expected: Duration) {
        #expect(TimeSpan.duration(text) == expected)
    }

    @Test(
        "text that is not a time parses as nil",
        arguments: [
            "", "-1", "+3", "3x", "s", "ms", ".", "1.", ".s", "..5", "1.2.3", "1e3", "0x10", "٣",
            "3 s",
            " 3", "3w", "3H", "nan", "inf", "99999999999999999999", "3s3",
        ])
    func refused(text: String) {
        #expect(TimeSpan.duration(text) == nil)
    }

    @Test("the error of an invalid time names the flag and quotes the text")
    func error() {
        let expected = UsageError(
            "-w needs a time such as 3, .5, 500ms, 30s, 2m, 1h or 1d, not '3x'")
        #expect(throws: expected) { try TimeSpan.parse("3x", of: "-w") }
    }
}
