/// What the peer answered in an exchange.
public struct Reply: Hashable, Sendable {
    /// The answer. A line is without its end, a part that ends with a byte has it.
    public let bytes: [UInt8]

    /// How many bytes of the request never went, because the peer closed the connection and had
    /// answered before; 0 in every other case.
    public let unsentRequestBytes: Int

    /// Makes a reply, for tests.
    public init(bytes: [UInt8], unsentRequestBytes: Int = 0) {
        self.bytes = bytes
        self.unsentRequestBytes = unsentRequestBytes
    }

    /// The answer as text; what is not UTF-8 is replaced by U+FFFD.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}
