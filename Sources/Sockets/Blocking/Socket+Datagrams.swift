internal import SystemPackage

// Datagrams with an address: sendto and recvfrom.
extension Socket {
    /// Sends one datagram to an address: sendto(2).
    ///
    /// ```swift
    /// try socket.send("ping".utf8.span.bytes, to: .ipv4(.loopback, port: 51423))
    /// ```
    ///
    /// A datagram may be empty. Success means that the datagram was sent but not that it arrived.
    /// Broadcast addresses need the option `.broadcast`. The call blocks the thread while there is
    /// no buffer space; the async counterpart is `DatagramChannel.send(_:to:timeout:)`.
    ///
    /// - Parameters:
    ///   - bytes: The bytes of the datagram.
    ///   - address: The receiver.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: The number of bytes that were sent.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with one of these errors, or with another error of the
    ///     kernel:
    ///     - `messageTooLong` if the datagram is too long.
    ///     - `permissionDenied` if the address is a broadcast address and the option `.broadcast`
    ///       is not set.
    ///     - `networkUnreachable` if there is no route to the address.
    ///     - `invalidArgument` if the address is link-local without a zone, and the socket is not
    ///       bound to a link.
    ///     - `wouldBlock` if the socket is not bound and no local port is free.
    ///     - `noSuchFileOrDirectory` if the path of the Unix address does not exist.
    ///     - `connectionRefused` if the path exists but no socket is bound to it, or if no socket
    ///       is bound to the abstract name.
    ///     - `connectionRefused` if the socket is a connected UDP socket and the peer's host
    ///       rejected an earlier datagram. The new datagram is not sent.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the peer or the kernel had no buffer space in
    ///     time.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the address has another family.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(
        _ bytes: RawSpan, to address: SocketAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(bytes, to: address, from: nil, timeout)
    }

    /// Sends one datagram from `local`, or from an address that the kernel chooses if `local` is
    /// `nil`.
    ///
    /// `descriptors` is `nil` for a datagram without descriptors.
    @inline(__always)
    func send(
        _ bytes: RawSpan, with descriptors: [Int32]? = nil, to remote: SocketAddress,
        from local: SocketAddress?, _ timeout: TimeLimit
    ) throws(SocketError) -> Int {
        let deadline = Deadline(startingNow: timeout)
        do throws(SocketError) {
            let raw = try remote.raw(for: family, .send, on: descriptor)
            var source: PacketAddress?
            if local != nil || remote.lacksZone {
                try call(.send) { descriptor throws(Errno) in
                    try DestinationLink.check(remote, descriptor, family)
                    source = try local?.packetAddress(for: descriptor)
                }
            }
            return try bytes.withUnsafeBytes { bytes throws(SocketError) in
                try perform(.send, .sending, sendPlan, deadline) {
                    descriptor, flags throws(Errno) in
                    if let descriptors {
                        return try System.sendmsg(
                            descriptor, bytes, with: descriptors, to: raw, flags)
                    }
                    guard local != nil, let source else {
                        return try System.sendto(descriptor, bytes, flags, raw)
                    }
                    return try System.sendmsg(descriptor, bytes, flags, to: raw, from: source)
                }
            }
        } catch {
            throw failure(error.operation, error.cause, remote: remote)
                .withLocalHint(to: remote, from: names.withLock { $0.local }, type)
        }
    }

    /// Sends the bytes of an array as one datagram; see ``send(_:to:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with one of these errors, or with another error of the
    ///     kernel:
    ///     - `messageTooLong` if the datagram is too long.
    ///     - `permissionDenied` if the address is a broadcast address and the option `.broadcast`
    ///       is not set.
    ///     - `networkUnreachable` if there is no route to the address.
    ///     - `invalidArgument` if the address is link-local without a zone, and the socket is not
    ///       bound to a link.
    ///     - `wouldBlock` if the socket is not bound and no local port is free.
    ///     - `noSuchFileOrDirectory` if the path of the Unix address does not exist.
    ///     - `connectionRefused` if the path exists but no socket is bound to it, or if no socket
    ///       is bound to the abstract name.
    ///     - `connectionRefused` if the socket is a connected UDP socket and the peer's host
    ///       rejected an earlier datagram. The new datagram is not sent.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the peer or the kernel had no buffer space in
    ///     time.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the address has another family.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(
        _ bytes: [UInt8], to address: SocketAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(bytes.span.bytes, to: address, timeout: timeout)
    }

    /// Sends a string as one datagram of UTF-8; see ``send(_:to:timeout:)-(RawSpan,_,_)``.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with one of these errors, or with another error of the
    ///     kernel:
    ///     - `messageTooLong` if the datagram is too long.
    ///     - `permissionDenied` if the address is a broadcast address and the option `.broadcast`
    ///       is not set.
    ///     - `networkUnreachable` if there is no route to the address.
    ///     - `invalidArgument` if the address is link-local without a zone, and the socket is not
    ///       bound to a link.
    ///     - `wouldBlock` if the socket is not bound and no local port is free.
    ///     - `noSuchFileOrDirectory` if the path of the Unix address does not exist.
    ///     - `connectionRefused` if the path exists but no socket is bound to it, or if no socket
    ///       is bound to the abstract name.
    ///     - `connectionRefused` if the socket is a connected UDP socket and the peer's host
    ///       rejected an earlier datagram. The new datagram is not sent.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the peer or the kernel had no buffer space in
    ///     time.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the address has another family.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(
        _ text: String, to address: SocketAddress, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try send(text.utf8.span.bytes, to: address, timeout: timeout)
    }

    /// Receives one datagram, its sender and the local address that it was sent to: recvmsg(2), or
    /// recvfrom(2) on a Unix socket.
    ///
    /// ```swift
    /// let datagram = try socket.receiveFrom(timeout: .seconds(5))
    /// try socket.reply(to: datagram, with: datagram.bytes)
    /// ```
    ///
    /// A datagram that is longer than `count` is truncated; see ``Datagram/isTruncated``. The call
    /// blocks the thread; the async counterpart is ``DatagramChannel/receive(atMost:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes to receive; by default the whole datagram.
    ///   - timeout: The maximum time to wait.
    /// - Returns: The datagram and its sender.
    /// - Throws: The errors of ``receive(atMost:timeout:)``.
    public func receiveFrom(
        atMost count: Int = .max, timeout: TimeLimit = .never
    ) throws(SocketError) -> Datagram {
        let deadline = Deadline(startingNow: timeout)
        var bytes: [UInt8] = []
        var header: DatagramHeader?
        let size = try roomForDatagram(atMost: count, deadline)
        _ = try bytes.append(atMost: size) { free throws(SocketError) in
            let received = try receiveFrom(free, deadline)
            header = received
            return received.count
        }
        return Datagram(
            bytes: bytes, sender: header?.sender ?? .unnamed, localAddress: header?.localAddress,
            isTruncated: header?.isTruncated ?? false)
    }

    /// Receives one datagram into a buffer; see ``receiveFrom(atMost:timeout:)``.
    ///
    /// - Parameters:
    ///   - buffer: The memory for the bytes.
    ///   - timeout: The maximum time to wait.
    /// - Returns: The size and the sender of the datagram.
    /// - Throws: The errors of ``receive(atMost:timeout:)``.
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
        let (originalCount, sender, local) = try perform(
            .receive, .receiving, .inKernel, deadline
        ) { descriptor, flags throws(Errno) in
            let flags = type == .stream ? flags : flags.union(.fullLength)
            let received: (count: Int, sender: RawSocketAddress, local: PacketAddress?)
            if family == .unix {
                // With room for control data, the kernel would also deliver descriptors that the
                // sender has attached, and each of them would be leaked.
                let (count, sender) = try System.recvfrom(descriptor, buffer, flags)
                received = (count, sender, nil)
            } else {
                received = try System.recvmsg(descriptor, buffer, flags)
            }
            if _slowPath(received.count == 0) { try checkEnd(of: descriptor) }
            return received
        }
        return DatagramHeader(
            count: min(originalCount, buffer.count), originalCount: originalCount,
            sender: SocketAddress(sender), localAddress: destination(local))
    }

    /// Returns the address that a datagram was sent to, or `nil` if it is unknown.
    private func destination(_ packet: PacketAddress?) -> SocketAddress? {
        guard type == .datagram else { return nil }
        // If no address was captured, ask the kernel, because the first send may have bound the
        // socket to an address.
        let captured = names.withLock { $0.local }
        guard let own = captured ?? (packet == nil ? nil : localAddress) else { return nil }
        guard own.isOneOfMany else { return own == .unnamed ? nil : own }
        return packet.flatMap { SocketAddress(destination: $0, port: own.port ?? 0) }
    }

    /// Returns the size of a buffer for the available bytes of a stream, or for the next datagram.
    @inline(__always)
    func usualRoom(_ deadline: Deadline) throws(SocketError) -> Int {
        type == .stream ? 65_536 : try roomForDatagram(atMost: .max, deadline)
    }

    /// Returns the size of a buffer for the next datagram or packet.
    ///
    /// An Internet datagram has less than 64 KiB. A Unix datagram may be longer, so this method
    /// asks the kernel for the size.
    func roomForDatagram(
        atMost count: Int, _ deadline: Deadline
    ) throws(SocketError) -> Int {
        let usual = 65_536
        guard count > usual, family == .unix, type != .stream else { return min(count, usual) }
        let size = try perform(.receive, .receiving, .inKernel, deadline) {
            descriptor, flags throws(Errno) in
            try System.recv(
                descriptor, UnsafeMutableRawBufferPointer(start: nil, count: 0),
                flags.union([.peek, .fullLength]))
        }
        return min(count, max(size, usual))
    }
}
