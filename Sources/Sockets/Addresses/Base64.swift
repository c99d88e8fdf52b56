/// The digits of base64 (RFC 4648, section 4).
enum Base64 {
    /// The 64 digits in the order of their values.
    static let digits = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Returns the bytes in base64, padded with `=` to a multiple of four digits.
    static func text(of bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let part = bytes[start...].prefix(3)
            let bits = (part + [0, 0]).prefix(3).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            for index in 0..<4 {
                let value = Int(bits >> UInt32(18 - 6 * index)) & 63
                text.append(index <= part.count ? digits[value] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
