/// A received datagram: its bytes and its sender.
public struct Datagram: Hashable, Sendable {
    /// The bytes of the datagram.
    ///
    /// A datagram may be empty.
    public var bytes: [UInt8]

    /// The address of the sender, to which a reply goes; ``SocketAddress/unnamed`` for a Unix
    /// sender without a name.
    public var sender: SocketAddress

    /// The local address to which the datagram was sent.
    ///
    /// `DatagramChannel.reply` replies from it.
    ///
    /// For a datagram to an IPv4 group or broadcast address, it is the local address in that
    /// network. It is `nil` if it is unknown: a blocking ``Socket`` does not ask for it, datagrams
    /// to an IPv6 group do not contain it, and a Unix socket may have no name.
    public var localAddress: SocketAddress?

    /// A Boolean value that indicates whether the datagram was longer than the buffer.
    ///
    /// The rest is lost.
    public var isTruncated: Bool

    /// Creates a datagram.
    public init(
        bytes: [UInt8], sender: SocketAddress, localAddress: SocketAddress? = nil,
        isTruncated: Bool = false
    ) {
        self.bytes = bytes
        self.sender = sender
        self.localAddress = localAddress
        self.isTruncated = isTruncated
    }

    /// The bytes as text.
    ///
    /// U+FFFD replaces bytes that are not UTF-8.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// The description of a datagram whose bytes were received into a buffer.
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
