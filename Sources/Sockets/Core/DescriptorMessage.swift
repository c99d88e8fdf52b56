public import SystemPackage

/// Bytes and descriptors that were received together over a Unix socket.
///
/// ```swift
/// var message = try socket.receive(descriptorsAtMost: 1)
/// if let descriptor = message.takeDescriptor() {
///     let listener = try Socket(adopting: descriptor)
/// }
/// ```
///
/// The message owns the descriptors, which have close-on-exec. At the end of its lifetime, it
/// closes the descriptors that the program has not taken, so none is leaked.
public struct DescriptorMessage: ~Copyable, Sendable {
    /// The bytes; empty at the end of a stream and for an empty datagram or packet.
    public let bytes: [UInt8]

    /// The length of the message in bytes, which exceeds the number of `bytes` if a datagram or a
    /// packet was longer than the buffer.
    public let originalCount: Int

    /// The address of a datagram's sender, to which replies go.
    ///
    /// It is ``SocketAddress/unnamed`` for a sender without an address. On a connection, it is
    /// always ``SocketAddress/unnamed``.
    public let sender: SocketAddress

    /// A Boolean value that indicates whether the connection has ended.
    ///
    /// The property is also true for an empty packet, unless the socket has `SO_TIMESTAMP`.
    let isEnd: Bool
    /// The descriptors that were not taken yet, in reverse order.
    private var remaining: [Int32] = []
    /// The reason why descriptors are missing, or `nil` if all of them were received.
    let truncation: SocketError.Cause?

    /// The number of descriptors that ``takeDescriptor()`` has not returned yet.
    public var descriptorCount: Int { remaining.count }

    /// Transfers ownership of the next descriptor to the caller, which must close it.
    ///
    /// The descriptors are in the order in which the peer passed them.
    ///
    /// - Returns: The descriptor, or `nil` if there are no more.
    public mutating func takeDescriptor() -> FileDescriptor? {
        remaining.popLast().map { FileDescriptor(rawValue: $0) }
    }

    /// A Boolean value that indicates whether the message was longer than the buffer.
    ///
    /// The bytes that did not fit are lost.
    public var isTruncated: Bool { originalCount > bytes.count }

    /// Creates a message without descriptors.
    init(bytes: [UInt8]) { self.init(bytes, ReceivedMessage(size: bytes.count), limit: 0) }

    /// Receives a message: recvmsg(2).
    init(
        receivedFrom descriptor: Int32, atMost count: Int, descriptorsAtMost limit: Int,
        reportsSender: Bool = false, _ flags: TransferFlags
    ) throws(Errno) {
        let limit = Self.clamped(limit)
        var bytes: [UInt8] = []
        var received = ReceivedMessage()
        _ = try bytes.append(atMost: count) { free throws(Errno) in
            received = try System.recvmsg(
                descriptor, free, descriptorsAtMost: limit, reportsSender: reportsSender, flags)
            return min(received.size, free.count)
        }
        self.init(bytes, received, limit: limit)
    }

    /// Receives a message into the caller's memory, and copies the bytes from there: recvmsg(2).
    init(
        receivedFrom descriptor: Int32, into room: UnsafeMutableRawBufferPointer,
        descriptorsAtMost limit: Int, reportsSender: Bool = false, _ flags: TransferFlags
    ) throws(Errno) {
        let limit = Self.clamped(limit)
        let received = try System.recvmsg(
            descriptor, room, descriptorsAtMost: limit, reportsSender: reportsSender, flags)
        self.init([UInt8](room.prefix(received.size)), received, limit: limit)
    }

    private init(_ bytes: [UInt8], _ received: ReceivedMessage, limit: Int) {
        self.bytes = bytes
        originalCount = received.size
        sender = received.sender.map { SocketAddress($0) } ?? .unnamed
        isEnd = received.isEnd
        // The kernel does not say why it discarded descriptors. If there was room for more, the
        // process had no free descriptor.
        truncation =
            if !received.isTruncated {
                nil
            } else if received.descriptors.count < limit {
                .system(.tooManyOpenFiles)
            } else {
                .invalidInput("the message has more descriptors than the limit of \(limit)")
            }
        remaining = received.descriptors.reversed()
    }

    private static func clamped(_ limit: Int) -> Int { min(max(0, limit), System.descriptorLimit) }

    deinit {
        for descriptor in remaining { System.close(descriptor) }
    }

    /// Returns why descriptors cannot be sent with `count` bytes on a socket, or `nil` if they can.
    static func objection(
        to descriptors: [FileDescriptor], with count: Int, _ family: AddressFamily,
        _ type: SocketType, usesTLS: Bool
    ) -> SocketError.Cause? {
        if let cause = objection(family, usesTLS: usesTLS) { return cause }
        if descriptors.count > System.descriptorLimit {
            return .invalidInput(
                "there are \(descriptors.count) descriptors: a message can have at most"
                    + " \(System.descriptorLimit)")
        }
        // On a stream, the kernel discards the descriptors of a message without bytes.
        if type == .stream, count == 0, !descriptors.isEmpty {
            return .invalidInput("a stream can send descriptors only with at least one byte")
        }
        return nil
    }

    /// Returns why a socket cannot transfer descriptors, or `nil` if it can.
    static func objection(_ family: AddressFamily, usesTLS: Bool) -> SocketError.Cause? {
        if family != .unix {
            return .invalidInput("the socket's family is \(family): expected a Unix socket")
        }
        return usesTLS
            ? .invalidInput("the socket uses TLS, which cannot transfer descriptors") : nil
    }
}
