/// A received datagram: its bytes and its sender.
public struct Datagram: Hashable, Sendable {
    /// The bytes of the datagram.
    ///
    /// The array is empty if the datagram is empty.
    public var bytes: [UInt8]

    /// The address of the sender, to which replies go.
    ///
    /// It is ``SocketAddress/unnamed`` for a Unix sender without an address.
    public var sender: SocketAddress

    /// The local address to which the datagram was sent.
    ///
    /// `DatagramChannel.reply` and `Socket.reply` send their replies from this address.
    ///
    /// For a datagram to an IPv4 multicast group or broadcast address, it is the local address that
    /// the kernel would choose for a reply to the sender. It is `nil` if the address is unknown,
    /// which is the case for a datagram to an IPv6 multicast group and for a Unix socket without an
    /// address.
    public var localAddress: SocketAddress?

    /// A Boolean value that indicates whether the datagram was longer than the buffer.
    ///
    /// The bytes that did not fit are lost.
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

    /// The description of the datagram as a whole.
    var header: DatagramHeader {
        DatagramHeader(
            count: bytes.count, originalCount: bytes.count, sender: sender,
            localAddress: localAddress)
    }

    /// The bytes as text.
    ///
    /// U+FFFD replaces bytes that are not UTF-8.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// The description of a datagram whose bytes were received into a buffer.
public struct DatagramHeader: Hashable, Sendable {
    /// The number of bytes in the buffer.
    public var count: Int

    /// The length of the datagram in bytes, which exceeds `count` if the buffer was too small.
    public var originalCount: Int

    /// The address of the sender, to which replies go, or `.unnamed` for a Unix sender without an
    /// address.
    public var sender: SocketAddress

    /// The local address to which the datagram was sent, or `nil` if it is unknown; see
    /// `Datagram.localAddress`.
    public var localAddress: SocketAddress?

    /// A Boolean value that indicates whether the datagram was longer than the buffer.
    ///
    /// The bytes that did not fit are lost.
    public var isTruncated: Bool { originalCount > count }
}
