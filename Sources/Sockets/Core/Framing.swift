/// Where a message ends in a stream of bytes.
@nonexhaustive
public enum Framing: Hashable, Sendable {
    /// The message ends after this many bytes.
    case exactly(Int)
    /// The message ends at LF or CR LF, which are not part of it.
    case line
    /// The message ends with this byte, which is part of the message.
    case until(UInt8)
    /// The message ends at EOF. `limit` is its maximum length in bytes.
    case toEnd(limit: Int = 16 << 20)
}
