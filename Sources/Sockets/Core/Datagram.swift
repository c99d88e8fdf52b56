/// One datagram as it was received: the data, and who sent it.
public struct Datagram: Hashable, Sendable {
    /// What the datagram carried; it may be nothing.
    public var bytes: [UInt8]

    /// Who sent it, and where a reply goes; `.unnamed` for a Unix sender without a name.
    public var sender: SocketAddress

    /// The address of ours that it came to, from which `DatagramChannel.reply` answers.
    ///
    /// Of a datagram to an IPv4 group or broadcast address, our address on that network. `nil`
    /// where it is not known: a blocking `Socket` does not ask, a datagram to an IPv6 group does
    /// not say, and a Unix socket may have no name.
    public var localAddress: SocketAddress?

    /// Whether the datagram was longer than the room for it; the rest is lost.
    public var isTruncated: Bool

    /// Puts a datagram together.
    public init(
        bytes: [UInt8], sender: SocketAddress, localAddress: SocketAddress? = nil,
        isTruncated: Bool = false
    ) {
        self.bytes = bytes
        self.sender = sender
        self.localAddress = localAddress
        self.isTruncated = isTruncated
    }

    /// The bytes as text; what is not UTF-8 is replaced by U+FFFD.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// What is told of a datagram whose bytes are in the caller's buffer.
public struct DatagramHeader: Hashable, Sendable {
    /// How many bytes are in the buffer.
    public var count: Int

    /// How many bytes the datagram had: more than `count` if it did not fit.
    public var originalCount: Int

    /// Who sent it, and where a reply goes; `.unnamed` for a Unix sender without a name.
    public var sender: SocketAddress

    /// The address of ours that it came to, where that is known: see `Datagram.localAddress`.
    public var localAddress: SocketAddress?

    /// Whether the datagram was longer than the buffer; the rest is lost.
    public var isTruncated: Bool { originalCount > count }
}
