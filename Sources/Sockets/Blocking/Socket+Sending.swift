internal import SystemPackage

// Sending on connected sockets.
extension Socket {
    /// Sends as many bytes as the kernel accepts in one call, and returns their number: send(2).
    ///
    /// On a stream, this may be only a part of the bytes; ``sendAll(_:timeout:)-(RawSpan,_)`` sends
    /// all of them. On a datagram socket, the bytes are one datagram, which may be empty. Success
    /// means only that the kernel has accepted the bytes, because a disconnected peer may be
    /// detected later. The call blocks the thread while the kernel has no buffer space; the async
    /// counterpart is `Connection.write(_:timeout:)`.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to send.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: The number of bytes that were sent.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke. Bytes that the peer sent earlier may still be readable.
    ///   - ``SocketError/Cause/system(_:)`` with `messageTooLong` if the datagram is too long.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(_ bytes: RawSpan, timeout: TimeLimit = .never) throws(SocketError) -> Int {
        try bytes.withUnsafeBytes { bytes throws(SocketError) in
            try send(bytes, Deadline(startingNow: timeout), isFirst: true)
        }
    }

    /// Sends the bytes of an array; see ``send(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke. Bytes that the peer sent earlier may still be readable.
    ///   - ``SocketError/Cause/system(_:)`` with `messageTooLong` if the datagram is too long.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(_ bytes: [UInt8], timeout: TimeLimit = .never) throws(SocketError) -> Int {
        try send(bytes.span.bytes, timeout: timeout)
    }

    /// Sends a string as UTF-8; see ``send(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke. Bytes that the peer sent earlier may still be readable.
    ///   - ``SocketError/Cause/system(_:)`` with `messageTooLong` if the datagram is too long.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    @discardableResult
    public func send(_ text: String, timeout: TimeLimit = .never) throws(SocketError) -> Int {
        try send(text.utf8.span.bytes, timeout: timeout)
    }

    /// Sends all of the bytes, in as many system calls as needed: Python's `sendall`.
    ///
    /// ```swift
    /// try socket.sendAll("GET / HTTP/1.0\r\n\r\n", timeout: .seconds(10))
    /// ```
    ///
    /// On a datagram socket, the bytes are one datagram, which may be empty. If both sides send
    /// more than the queues can store and neither side reads, they deadlock. So set a timeout, or
    /// receive on another thread meanwhile. The call blocks the thread; the async counterpart is
    /// `Connection.write(_:timeout:)`.
    ///
    /// - Parameters:
    ///   - bytes: The bytes to send.
    ///   - timeout: The time limit for all system calls together.
    /// - Throws: ``SocketError``, whose ``SocketError/bytesTransferred`` is the number of bytes
    ///   that were sent. The causes are:
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke.
    ///   - ``SocketError/Cause/system(_:)`` with `messageTooLong` if the datagram is too long.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func sendAll(_ bytes: RawSpan, timeout: TimeLimit = .never) throws(SocketError) {
        let deadline = Deadline(startingNow: timeout)
        try bytes.withUnsafeBytes { bytes throws(SocketError) in
            try sendAll(bytes.count, deadline) { sent throws(SocketError) in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
                return try send(rest, deadline, isFirst: sent == 0, flushing: true)
            }
        }
    }

    /// Sends all bytes of an array; see ``sendAll(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: ``SocketError``, whose ``SocketError/bytesTransferred`` is the number of bytes
    ///   that were sent. The causes are:
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke.
    ///   - ``SocketError/Cause/system(_:)`` with `messageTooLong` if the datagram is too long.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func sendAll(_ bytes: [UInt8], timeout: TimeLimit = .never) throws(SocketError) {
        try sendAll(bytes.span.bytes, timeout: timeout)
    }

    /// Sends all of a string as UTF-8; see ``sendAll(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Throws: ``SocketError``, whose ``SocketError/bytesTransferred`` is the number of bytes
    ///   that were sent. The causes are:
    ///   - ``SocketError/Cause/system(_:)`` with `brokenPipe` or `connectionReset` if the
    ///     connection broke.
    ///   - ``SocketError/Cause/system(_:)`` with `messageTooLong` if the datagram is too long.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the kernel had no buffer space in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func sendAll(_ text: String, timeout: TimeLimit = .never) throws(SocketError) {
        try sendAll(text.utf8.span.bytes, timeout: timeout)
    }

    /// Sends several pieces in order on a stream, or as one datagram, without joining them in
    /// memory: sendmsg(2).
    ///
    /// One call sends at most 64 pieces. A datagram of more pieces is rejected, because it would be
    /// truncated.
    ///
    /// - Parameters:
    ///   - parts: The pieces, in order.
    ///   - timeout: The maximum time to wait for buffer space.
    /// - Returns: The number of bytes that were sent, which may be less than the total.
    /// - Throws: One of these errors:
    ///   - ``SocketError/Cause/invalidInput(_:)`` if a datagram has more than 64 pieces.
    ///   - The errors of ``send(_:timeout:)-(RawSpan,_)``.
    @discardableResult
    public func send(
        parts: [[UInt8]], timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try checkCount(of: parts)
        let cursor = GatherCursor(parts)
        return try send(cursor, Deadline(startingNow: timeout), isFirst: true, flushing: false)
    }

    /// Sends all bytes of several pieces in order on a stream, or as one datagram; see
    /// ``sendAll(_:timeout:)-(RawSpan,_)``.
    ///
    /// - Parameters:
    ///   - parts: The pieces, in order.
    ///   - timeout: The time limit for all system calls together.
    /// - Throws: The errors of ``send(parts:timeout:)`` and ``sendAll(_:timeout:)-(RawSpan,_)``.
    public func sendAll(parts: [[UInt8]], timeout: TimeLimit = .never) throws(SocketError) {
        try checkCount(of: parts)
        let deadline = Deadline(startingNow: timeout)
        var rest = GatherCursor(parts)
        try sendAll(parts.reduce(0) { $0 + $1.count }, deadline) { sent throws(SocketError) in
            let count = try send(
                rest, deadline, isFirst: sent == 0, flushing: true)
            rest.advance(by: count)
            return count
        }
    }

    private func checkCount(of parts: [[UInt8]]) throws(SocketError) {
        guard type == .stream || parts.count <= System.vectorLimit else {
            throw failure(
                .send,
                .invalidInput(
                    "a datagram can have at most \(System.vectorLimit) pieces, not \(parts.count)"))
        }
    }

    /// Repeats `step` until `total` bytes were sent.
    ///
    /// If a step fails, the error contains the number of bytes that were sent.
    private func sendAll(
        _ total: Int, _ deadline: Deadline, step: (_ sent: Int) throws(SocketError) -> Int
    ) throws(SocketError) {
        // Sending zero bytes is a no-op on a stream but sends an empty datagram on a datagram
        // socket.
        guard total > 0 || type != .stream else { return }
        var sent = 0
        repeat {
            do throws(SocketError) {
                sent += try step(sent)
            } catch {
                sent += error.bytesTransferred
                throw error.attributed(to: error.operation, bytesTransferred: sent, sent: sent)
            }
        } while sent < total
    }

    @inline(__always)
    func send(
        _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline, isFirst: Bool, flushing: Bool = false
    ) throws(SocketError) -> Int {
        if _slowPath(tlsReference.isCreated) {
            return try sendEncrypted(bytes, deadline, isFirst: isFirst, flushing: flushing)
        }
        return try perform(.send, .sending, sendPlan, deadline, isFirst: isFirst) {
            descriptor, flags throws(Errno) in
            let most = min(bytes.count, most(under: deadline))
            let offered = UnsafeRawBufferPointer(rebasing: bytes[..<most])
            let count = try System.send(descriptor, offered, flags)
            if _slowPath(count < offered.count) { noteSwallowedReset(on: descriptor) }
            return count
        }
    }

    /// Sends as many bytes as the kernel accepts, waiting until it accepts at least one.
    ///
    /// Returns `nil` if the socket became readable while the send buffer was full.
    func sendUnlessReadable(
        _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline, hasWaited: inout Bool
    ) throws(SocketError) -> Int? {
        var stalledSince: Duration?
        while true {
            do throws(SocketError) {
                return try send(bytes, .atOnce, isFirst: true)
            } catch {
                guard error.isTimeout else { throw error }
            }
            let remaining = deadline.remaining
            if let remaining, remaining <= .zero {
                throw timeout(.write, deadline, stalledSince)
            }
            hasWaited = true
            stalledSince = stalledSince ?? remaining
            if try wait(sends: true, receives: true, atMost: remaining) { return nil }
        }
    }

    /// Notes a reset that the kernel does not report.
    ///
    /// A Unix peer may close before it has read everything. If a send is waiting for buffer space
    /// at that moment, the kernel returns the number of sent bytes and clears the error. No later
    /// call reports the error.
    @inline(never)
    private func noteSwallowedReset(on descriptor: Int32) {
        guard family == .unix, System.condition(descriptor)?.contains(.hungUp) ?? false else {
            return
        }
        connectionError?.note(.connectionReset)
    }

    private func send(
        _ rest: GatherCursor, _ deadline: Deadline, isFirst: Bool, flushing: Bool
    ) throws(SocketError) -> Int {
        let (parts, skipped) = (rest.parts, rest.skipped)
        if _slowPath(tlsReference.isCreated) {
            // Join the parts, because encryption copies them into TLS records anyway.
            let bytes = rest.joined(atMost: 65536)
            return try bytes.span.bytes.withUnsafeBytes { bytes throws(SocketError) in
                try sendEncrypted(bytes, deadline, isFirst: isFirst, flushing: flushing)
            }
        }
        return try perform(.send, .sending, sendPlan, deadline, isFirst: isFirst) {
            descriptor, flags throws(Errno) in
            let most = most(under: deadline)
            let count = try System.sendmsg(
                descriptor, parts, skipping: skipped, atMost: most, flags)
            if family == .unix {
                let offered = parts.prefix(System.vectorLimit).reduce(-skipped) { $0 + $1.count }
                if count < min(offered, most) { noteSwallowedReset(on: descriptor) }
            }
            return count
        }
    }

    /// Returns the maximum number of bytes for one call.
    ///
    /// A send on a stream with a time limit is divided into several calls, so that the deadline is
    /// checked between them. A datagram cannot be divided.
    @inline(__always)
    private func most(under deadline: Deadline) -> Int {
        type == .stream && !deadline.isNever ? System.mostAtOnce : .max
    }
}
