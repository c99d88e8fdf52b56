/// Where a message ends in a stream of bytes.
@nonexhaustive
public enum Framing: Hashable, Sendable {
    /// The message ends after this many bytes.
    case exactly(Int)
    /// The message ends at LF or CR LF, which are not part of it.
    case line
    /// The message ends with these bytes, which are part of the message.
    case until([UInt8])
    /// The message begins with its length, which is not part of it.
    case frame(length: FrameLength)
    /// The message ends at EOF. `limit` is its maximum length in bytes.
    case toEnd(limit: Int = 16 << 20)

    /// The message ends with this byte, which is part of the message.
    public static func until(_ byte: UInt8) -> Framing { .until([byte]) }

    /// The message ends with this text in UTF-8, which is part of the message.
    public static func until(_ text: String) -> Framing { .until(Array(text.utf8)) }

    /// Finds the first delimiter.
    ///
    /// - Parameters:
    ///   - delimiter: The bytes that end a message.
    ///   - bytes: The bytes to search.
    ///   - start: The number of bytes that were already searched. A delimiter may begin among them.
    /// - Returns: The offset after the delimiter, or `nil` if there is none.
    @inline(__always)
    static func end(
        of delimiter: [UInt8], in bytes: UnsafeRawBufferPointer, searched start: Int
    ) -> Int? {
        guard let last = delimiter.last else { return nil }
        var searched = start
        // Search for the delimiter's last byte, because then no byte is searched twice when a
        // delimiter arrives in pieces.
        while let offset = System.memchr(
            last, in: UnsafeRawBufferPointer(rebasing: bytes[searched...]))
        {
            searched += offset + 1
            if bytes[..<searched].suffix(delimiter.count).elementsEqual(delimiter) {
                return searched
            }
        }
        return nil
    }
}
