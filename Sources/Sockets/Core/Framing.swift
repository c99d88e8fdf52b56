/// Where a message ends in a stream of bytes.
@nonexhaustive
public enum Framing: Hashable, Sendable {
    /// After this many bytes.
    case exactly(Int)
    /// At LF or CR LF.
    case line
    /// After this byte, which belongs to the message.
    case until(UInt8)
    /// At the end of the stream. `limit` is the longest accepted message, in bytes.
    case toEnd(limit: Int = 16 << 20)
}
