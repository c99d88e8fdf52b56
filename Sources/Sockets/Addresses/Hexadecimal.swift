/// Hexadecimal digits of addresses and of escaped bytes.
enum Hexadecimal {
    /// Returns the value of an ASCII hexadecimal digit, in upper or lower case; `nil` for any other
    /// byte.
    static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Returns the lower-case digit for the low four bits of a value.
    static func digit(for value: UInt8) -> UInt8 {
        let nibble = value & 0xF
        return nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }

    /// Returns the two lower-case digits of each byte.
    static func text(of bytes: [UInt8]) -> String {
        String(decoding: bytes.flatMap { [digit(for: $0 >> 4), digit(for: $0)] }, as: UTF8.self)
    }
}
