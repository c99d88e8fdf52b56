import Foundation
import Testing

@testable import sock

@Suite(.ownThread)
struct DaytimeTests {
    private func text(_ seconds: Int) -> String {
        String(decoding: Daytime.text(seconds), as: UTF8.self)
    }

    @Test("the daytime text has the format of xinetd")
    func known() {
        #expect(text(0) == "01 JAN 1970 00:00:00 UTC\r\n")
        #expect(text(1_795_370_701) == "22 NOV 2026 18:05:01 UTC\r\n")
        #expect(text(951_782_400) == "29 FEB 2000 00:00:00 UTC\r\n")
        #expect(text(-1) == "31 DEC 1969 23:59:59 UTC\r\n")
    }

    @Test("the date of a certificate has the order year, month, day")
    func certificate() {
        #expect(Daytime.date(1_795_370_701) == "2026-11-22 18:05:01 UTC")
        #expect(Daytime.date(-1) == "1969-12-31 23:59:59 UTC")
    }

    @Test("the date agrees with Foundation's calendar over four centuries")
    func calendar() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        for day in stride(from: -60_000, to: 90_000, by: 13) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400)
            let parts = calendar.dateComponents([.year, .day], from: date)
            let words = text(day * 86_400).split(separator: " ")
            #expect(Int(words[0]) == parts.day)
            #expect(Int(words[2]) == parts.year)
        }
    }

    @Test("the binary time counts seconds from 1900 in big-endian order")
    func binary() {
        // RFC 868's own example: 1 January 1970 is 2,208,988,800.
        #expect(Daytime.binary(0) == [0x83, 0xAA, 0x7E, 0x80])
        #expect(Daytime.binary(-2_208_988_800) == [0, 0, 0, 0])
        #expect(Daytime.binary(2_085_978_496) == [0, 0, 0, 0])
    }
}
