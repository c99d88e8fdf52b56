internal import SystemPackage

// Datagrams, with an address for each: sendto and recvfrom.
extension Socket {
    /// Sends one datagram to an address: sendto(2).
    ///
    /// No bytes are a datagram too. Success says that the datagram left, not that it arrived.
    /// Broadcast addresses need the option `.broadcast`.
    ///
    /// - Throws: `.system`: `.messageTooLong`, `.permissionDenied` (broadcast),
    ///   `.networkUnreachable`, `.connectionRefused` (nobody received an earlier one on a
    ///   connected socket, or no such Unix socket); `.timedOut` while the peer or the kernel has
    ///   no room; `.closed`.
    @discardableResult
    public func send(
        _ bytes: RawSpan, to address: SocketAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        let deadline = Deadline(startingNow: timeout)
        let raw = try rawAddress(of: address, for: .send)
        do throws(SocketError) {
            return try bytes.withUnsafeBytes { bytes throws(SocketError) in
                try perform(.send, .sending, sendPlan, deadline) {
                    descriptor, flags throws(Errno) in
                    try System.sendto(descriptor, bytes, flags, raw)
                }
            }
        } catch {
            throw failure(error.operation, error.cause, remote: address)
        }
    }

    /// Sends the bytes of an array as one datagram; see `send(_: RawSpan, to:timeout:)`.
    @discardableResult
    public func send(
        _ bytes: [UInt8], to address: SocketAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(bytes.span.bytes, to: address, timeout: timeout)
    }

    /// Sends a string as one datagram of UTF-8; see `send(_: RawSpan, to:timeout:)`.
    @discardableResult
    public func send(
        _ text: String, to address: SocketAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(text.utf8.span.bytes, to: address, timeout: timeout)
    }

    /// Receives one datagram, and tells who sent it: recvfrom(2).
    ///
    /// A datagram that is longer than `count` is cut, and says so.
    ///
    /// - Throws: as `receive`.
    public func receiveFrom(
        atMost count: Int = 65535, timeout: TimeLimit = .never
    ) throws(SocketError) -> Datagram {
        let deadline = Deadline(startingNow: timeout)
        var bytes: [UInt8] = []
        var header: DatagramHeader?
        _ = try bytes.append(atMost: count) { free throws(SocketError) in
            let received = try receiveFrom(free, deadline)
            header = received
            return received.count
        }
        return Datagram(
            bytes: bytes, sender: header?.sender ?? .unnamed,
            isTruncated: header?.isTruncated ?? false)
    }

    /// Receives one datagram into a buffer; see `receiveFrom(atMost:timeout:)`.
    public func receiveFrom(
        into buffer: inout MutableRawSpan, timeout: TimeLimit = .never
    ) throws(SocketError) -> DatagramHeader {
        try buffer.withUnsafeMutableBytes { bytes throws(SocketError) in
            try receiveFrom(bytes, Deadline(startingNow: timeout))
        }
    }

    private func receiveFrom(
        _ buffer: UnsafeMutableRawBufferPointer, _ deadline: Deadline
    ) throws(SocketError) -> DatagramHeader {
        let (originalCount, sender) = try perform(.receive, .receiving, .inKernel, deadline) {
            descriptor, flags throws(Errno) in
            try System.recvfrom(
                descriptor, buffer, type == .stream ? flags : flags.union(.fullLength))
        }
        return DatagramHeader(
            count: min(originalCount, buffer.count), originalCount: originalCount,
            sender: SocketAddress(sender))
    }
}
