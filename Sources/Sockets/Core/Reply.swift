/// The reply of an exchange.
public struct Reply: Hashable, Sendable {
    /// The bytes of the reply.
    ///
    /// A line has no line end, and a message that ends with a byte includes it.
    public let bytes: [UInt8]

    /// The number of request bytes that were not sent, because the peer replied and closed the
    /// connection before; 0 otherwise.
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
