internal import SystemPackage

// Receiving on sequenced-packet sockets.
extension Socket {
    /// Receives one packet on a sequenced-packet socket: recvmsg(2).
    ///
    /// ```swift
    /// while let packet = try socket.receivePacket() { print(packet.text) }
    /// ```
    ///
    /// Unlike `receive`, the call tells an empty packet from the end of the connection. If the
    /// packet is longer than `count`, it is truncated and ``Packet/isTruncated`` is true.
    /// Descriptors that were sent with the packet are closed. The call blocks the thread; the async
    /// counterpart is ``PacketConnection/receive(atMost:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes; by default the whole packet.
    ///   - timeout: The maximum time to wait. A timeout loses no packet.
    /// - Returns: The packet, or `nil` if the peer has closed or half-closed the connection and all
    ///   of its packets have been received.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is of another type.
    ///   - ``SocketError/Cause/system(_:)`` with `connectionReset` if the peer closed the
    ///     connection before it had received all packets. The packets that the peer sent are
    ///     received first.
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if the socket is not
    ///     connected.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func receivePacket(
        atMost count: Int = .max, timeout: TimeLimit = .never
    ) throws(SocketError) -> Packet? {
        try require(.sequencedPacket, for: .receive)
        let deadline = Deadline(startingNow: timeout)
        let size = try roomForDatagram(atMost: count, deadline)
        var bytes: [UInt8] = []
        var message = ReceivedMessage()
        _ = try bytes.append(atMost: size) { free throws(SocketError) in
            message = try perform(.receive, .receiving, .inKernel, deadline) {
                descriptor, flags throws(Errno) in
                let message = try System.recvmsg(
                    descriptor, free, descriptorsAtMost: 0, flags.union(.fullLength))
                if message.isEnd { try checkEnd(of: descriptor) }
                return message
            }
            return min(message.size, free.count)
        }
        return message.isEnd ? nil : Packet(bytes: bytes, originalCount: message.size)
    }
}
