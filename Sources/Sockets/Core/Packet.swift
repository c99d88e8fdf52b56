/// A received packet, the message of a ``PacketConnection`` or of a sequenced-packet ``Socket``.
public struct Packet: Hashable, Sendable {
    /// The bytes of the packet.
    ///
    /// The array is empty if the packet is empty.
    public var bytes: [UInt8]

    /// The length of the packet in bytes, which exceeds the number of `bytes` if the packet was
    /// longer than the buffer.
    public var originalCount: Int

    /// A Boolean value that indicates whether the packet was longer than the buffer.
    ///
    /// The bytes that did not fit are lost.
    public var isTruncated: Bool { originalCount > bytes.count }

    /// Creates a packet.
    public init(bytes: [UInt8], originalCount: Int) {
        self.bytes = bytes
        self.originalCount = originalCount
    }

    /// The bytes as text.
    ///
    /// U+FFFD replaces bytes that are not UTF-8.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}
