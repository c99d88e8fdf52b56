/// A strict parser of decimal numbers in addresses and ports.
///
/// Every byte must be an ASCII digit. In contrast, Swift's `UInt16("+666")` succeeds, and C's
/// `strtol` stops without an error at the first character that is not a digit.
package enum Decimal {
    /// Returns the number that `digits` spell; `nil` if `digits` is empty, if a byte is not an
    /// ASCII digit, or if the number is above `maximum`.
    package static func value(of digits: some Sequence<UInt8>, maximum: UInt32) -> UInt32? {
        var value: UInt64 = 0
        var isEmpty = true
        for byte in digits {
            guard isDigit(byte) else { return nil }
            value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
            guard value <= UInt64(maximum) else { return nil }
            isEmpty = false
        }
        return isEmpty ? nil : UInt32(value)
    }

    /// Returns whether the byte is one of the ASCII digits `0` to `9`.
    package static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
