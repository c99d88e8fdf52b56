/// Dates and times in the formats of the daytime and time services, and for certificates.
enum Daytime {
    /// Returns the text in xinetd's format: "22 NOV 2026 18:05:01 UTC" and CRLF. RFC 867
    static func text(_ secondsSince1970: Int) -> [UInt8] {
        let (year, month, day, time) = parts(secondsSince1970)
        return Array("\(padded(day)) \(months[month - 1]) \(year) \(time) UTC\r\n".utf8)
    }

    /// Returns the text for the dates of a certificate: "2026-11-22 18:05:01 UTC".
    static func date(_ secondsSince1970: Int) -> String {
        let (year, month, day, time) = parts(secondsSince1970)
        return "\(year)-\(padded(month))-\(padded(day)) \(time) UTC"
    }

    private static func parts(
        _ secondsSince1970: Int
    ) -> (year: Int, month: Int, day: Int, time: String) {
        let days = floorDivide(secondsSince1970, 86_400)
        let second = secondsSince1970 - days * 86_400
        let (year, month, day) = date(daysSince1970: days)
        let time = [second / 3600, second / 60 % 60, second % 60].map(padded).joined(separator: ":")
        return (year, month, day, time)
    }

    /// Returns the seconds since 1900 as 32 big-endian bits, which wrap in 2036. RFC 868
    static func binary(_ secondsSince1970: Int) -> [UInt8] {
        let seconds = UInt32(truncatingIfNeeded: secondsSince1970 + 2_208_988_800)
        return (0..<4).map { UInt8(truncatingIfNeeded: seconds >> (24 - $0 * 8)) }
    }

    private static let months = [
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ]

    /// Returns the Gregorian date of a day.
    ///
    /// It counts days from 1 March of year 0, so that a leap day is the last day of its year. It
    /// counts years in eras of 400 years, because every era has the same number of days.
    private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let sinceMarch0 = days + 719_468
        let era = floorDivide(sinceMarch0, 146_097)
        let dayOfEra = sinceMarch0 - era * 146_097
        let leapDays = dayOfEra / 1_460 - dayOfEra / 36_524 + dayOfEra / 146_096
        let yearOfEra = (dayOfEra - leapDays) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthSinceMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthSinceMarch + 2) / 5 + 1
        let month = monthSinceMarch < 10 ? monthSinceMarch + 3 : monthSinceMarch - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    private static func floorDivide(_ number: Int, _ divisor: Int) -> Int {
        number >= 0 ? number / divisor : (number - divisor + 1) / divisor
    }

    private static func padded(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
