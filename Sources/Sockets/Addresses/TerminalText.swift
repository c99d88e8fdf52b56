/// Functions that escape untrusted text, so that the text cannot move a terminal's cursor, change
/// colours, or hide other text.
package enum TerminalText {
    /// Returns the bytes as text, with `\xNN` in place of control characters, invisible characters
    /// and bytes that are not UTF-8.
    ///
    /// A backslash that begins a literal `\xNN` is escaped too, so ``bytes(unescaping:)`` returns
    /// the original bytes.
    package static func escaped(_ bytes: some Collection<UInt8>) -> String {
        let bytes = Array(bytes)
        if bytes.allSatisfy({ isPlain($0) }) { return String(decoding: bytes, as: UTF8.self) }

        var text = ""
        var position = 0
        while position < bytes.count {
            let (scalar, length) = firstScalar(of: bytes[position...])
            if let scalar, isSafe(scalar), !startsEscape(bytes[position...]) {
                text.unicodeScalars.append(scalar)
            } else {
                for byte in bytes[position..<position + length] { text += escape(of: byte) }
            }
            position += length
        }
        return text
    }

    /// Returns the text with `\xNN` in place of control and invisible characters.
    package static func escaped(_ text: String) -> String { escaped(text.utf8) }

    /// Returns the escaped text in quotation marks, for messages about input: `'80x'`.
    ///
    /// A text of more than `limit` bytes is shortened and followed by its length: `'aaa…' (100000
    /// bytes)`.
    package static func quoted(_ text: String, limit: Int = 120) -> String {
        let length = text.utf8.count
        if length <= limit { return "'\(escaped(text))'" }
        // Cut between Unicode scalars, because part of a scalar would appear as escaped bytes.
        var beginning = Substring.UnicodeScalarView()
        var size = 0
        for scalar in text.unicodeScalars {
            size += UTF8.width(scalar)
            if size > limit { break }
            beginning.append(scalar)
        }
        return "'\(escaped(String(beginning)))…' (\(length) bytes)"
    }

    /// Returns the bytes that an escaped text represents: the inverse of ``escaped(_:)``.
    ///
    /// A backslash that does not begin a complete `\xNN` is returned unchanged.
    package static func bytes(unescaping text: some Collection<UInt8>) -> [UInt8] {
        let escaped = Array(text)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(escaped.count)
        var position = 0
        while position < escaped.count {
            if startsEscape(escaped[position...]),
                let high = Hexadecimal.value(of: escaped[position + 2]),
                let low = Hexadecimal.value(of: escaped[position + 3])
            {
                bytes.append(high << 4 | low)
                position += 4
            } else {
                bytes.append(escaped[position])
                position += 1
            }
        }
        return bytes
    }

    /// Returns whether a character is safe to show unchanged.
    ///
    /// Control, format, line-separating, private-use and unassigned characters are not safe.
    static func isSafe(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return (0x20...0x7E).contains(scalar.value) }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator:
            return false
        default: return true
        }
    }

    /// Returns whether a byte never needs an escape, regardless of the bytes around it.
    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "\\")
    }

    /// Returns whether the bytes begin with a complete `\xNN`.
    private static func startsEscape(_ bytes: ArraySlice<UInt8>) -> Bool {
        let start = bytes.startIndex
        return bytes.count >= 4 && bytes[start] == UInt8(ascii: "\\")
            && bytes[start + 1] == UInt8(ascii: "x")
            && Hexadecimal.value(of: bytes[start + 2]) != nil
            && Hexadecimal.value(of: bytes[start + 3]) != nil
    }

    private static func escape(of byte: UInt8) -> String {
        let digits = [Hexadecimal.digit(for: byte >> 4), Hexadecimal.digit(for: byte)]
        return "\\x" + String(decoding: digits, as: UTF8.self)
    }

    /// Returns the first Unicode scalar and its length in bytes, or `nil` and the number of invalid
    /// bytes at the beginning.
    private static func firstScalar(
        of bytes: ArraySlice<UInt8>
    ) -> (scalar: Unicode.Scalar?, length: Int) {
        var parser = UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        switch parser.parseScalar(from: &iterator) {
        case .valid(let encoded): return (UTF8.decode(encoded), encoded.count)
        case .error(let length): return (nil, length)
        case .emptyInput: return (nil, 0)
        }
    }
}
