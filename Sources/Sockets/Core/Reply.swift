/// The reply of an exchange.
public struct Reply: Hashable, Sendable {
    /// The bytes of the reply.
    ///
    /// A line does not include its line ending, and a frame does not include its length. A message
    /// that ends with a delimiter includes the delimiter.
    public let bytes: [UInt8]

    /// The number of request bytes that were not sent because the peer replied and closed the
    /// connection first, or 0 if all were sent.
    public let unsentRequestBytes: Int

    /// Creates a reply, for tests.
    public init(bytes: [UInt8], unsentRequestBytes: Int = 0) {
        self.bytes = bytes
        self.unsentRequestBytes = unsentRequestBytes
    }

    /// The bytes as text.
    ///
    /// U+FFFD replaces bytes that are not UTF-8.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}
