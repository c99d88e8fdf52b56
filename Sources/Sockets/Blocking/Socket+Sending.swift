internal import SystemPackage

// Sending on connected sockets.
extension Socket {
    /// Sends what the kernel takes at once, and tells how much that was: send(2).
    ///
    /// On a stream this may be less than all of it; `sendAll` goes on until all has gone. On a
    /// datagram socket the bytes are one datagram, also when there are none. Waits while the
    /// kernel has no room at all. The other end can be gone for a while before that is noticed, so
    /// success says only that the kernel has the bytes.
    ///
    /// - Throws: `.system`: `.brokenPipe` and `.connectionReset` (what the peer sent before may
    ///   still be readable), `.messageTooLong`; `.timedOut`, `.closed`.
    @discardableResult
    public func send(_ bytes: RawSpan, timeout: TimeLimit = .never) throws(SocketError) -> Int {
        try bytes.withUnsafeBytes { bytes throws(SocketError) in
            try send(bytes, Deadline(startingNow: timeout), isFirst: true)
        }
    }

    /// Sends the bytes of an array; see `send(_: RawSpan, timeout:)`.
    @discardableResult
    public func send(_ bytes: [UInt8], timeout: TimeLimit = .never) throws(SocketError) -> Int {
        try send(bytes.span.bytes, timeout: timeout)
    }

    /// Sends a string as UTF-8; see `send(_: RawSpan, timeout:)`.
    @discardableResult
    public func send(_ text: String, timeout: TimeLimit = .never) throws(SocketError) -> Int {
        try send(text.utf8.span.bytes, timeout: timeout)
    }

    /// Sends all of the bytes, in as many steps as the kernel wants: Python's `sendall`.
    ///
    /// On a datagram socket the bytes are one datagram, also when there are none. The limit covers
    /// all steps together. If both ends send a lot and neither reads, both wait
    /// for ever: give a limit, or receive on another thread meanwhile.
    ///
    /// - Throws: as `send`; `bytesTransferred` of the error says how many bytes had gone.
    public func sendAll(_ bytes: RawSpan, timeout: TimeLimit = .never) throws(SocketError) {
        let deadline = Deadline(startingNow: timeout)
        try bytes.withUnsafeBytes { bytes throws(SocketError) in
            try sendAll(bytes.count, deadline) { sent throws(SocketError) in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
                return try send(rest, deadline, isFirst: sent == 0)
            }
        }
    }

    /// Sends all bytes of an array; see `sendAll(_: RawSpan, timeout:)`.
    public func sendAll(_ bytes: [UInt8], timeout: TimeLimit = .never) throws(SocketError) {
        try sendAll(bytes.span.bytes, timeout: timeout)
    }

    /// Sends all of a string as UTF-8; see `sendAll(_: RawSpan, timeout:)`.
    public func sendAll(_ text: String, timeout: TimeLimit = .never) throws(SocketError) {
        try sendAll(text.utf8.span.bytes, timeout: timeout)
    }

    /// Sends several pieces as one run of bytes, or as one datagram, without joining them first:
    /// sendmsg(2).
    ///
    /// Returns how many bytes went, which may be fewer than all. At most 64 pieces go at once; on
    /// a datagram socket more than that are refused, because the datagram would be cut.
    ///
    /// - Throws: as `send`, and `.invalidInput` for more than 64 pieces of a datagram.
    @discardableResult
    public func send(
        parts: [[UInt8]], timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try checkCount(of: parts)
        return try send(parts[...], skipping: 0, Deadline(startingNow: timeout), isFirst: true)
    }

    /// Sends all of several pieces, in order, or as one datagram; see
    /// `sendAll(_: RawSpan, timeout:)`.
    public func sendAll(parts: [[UInt8]], timeout: TimeLimit = .never) throws(SocketError) {
        try checkCount(of: parts)
        let deadline = Deadline(startingNow: timeout)
        var rest = GatherCursor(parts)
        try sendAll(parts.reduce(0) { $0 + $1.count }, deadline) { sent throws(SocketError) in
            let count = try send(
                rest.parts, skipping: rest.skipped, deadline, isFirst: sent == 0)
            rest.advance(by: count)
            return count
        }
    }

    private func checkCount(of parts: [[UInt8]]) throws(SocketError) {
        guard type == .stream || parts.count <= System.vectorLimit else {
            throw failure(
                .send,
                .invalidInput(
                    "\(parts.count) pieces: expected at most \(System.vectorLimit) in a datagram"))
        }
    }

    /// Repeats a step until `total` bytes have gone, and keeps count of them in the error.
    private func sendAll(
        _ total: Int, _ deadline: Deadline, step: (_ sent: Int) throws(SocketError) -> Int
    ) throws(SocketError) {
        // Of a stream no bytes are nothing, but of datagrams they are one.
        guard total > 0 || type != .stream else { return }
        var sent = 0
        repeat {
            do throws(SocketError) {
                sent += try step(sent)
            } catch {
                throw error.attributed(to: error.operation, bytesTransferred: sent, sent: sent)
            }
        } while sent < total
    }

    @inline(__always)
    func send(
        _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline, isFirst: Bool
    ) throws(SocketError) -> Int {
        try perform(.send, .sending, sendPlan, deadline, isFirst: isFirst) {
            descriptor, flags throws(Errno) in
            try System.send(
                descriptor, UnsafeRawBufferPointer(rebasing: bytes.prefix(most(under: deadline))),
                flags)
        }
    }

    private func send(
        _ parts: ArraySlice<[UInt8]>, skipping skipped: Int, _ deadline: Deadline, isFirst: Bool
    ) throws(SocketError) -> Int {
        try perform(.send, .sending, sendPlan, deadline, isFirst: isFirst) {
            descriptor, flags throws(Errno) in
            try System.sendmsg(
                descriptor, parts, skipping: skipped, atMost: most(under: deadline), flags)
        }
    }

    /// How many bytes one call takes: a datagram cannot be divided, and without a limit nothing has
    /// to be looked at in between.
    @inline(__always)
    private func most(under deadline: Deadline) -> Int {
        type == .stream && !deadline.isNever ? System.mostAtOnce : .max
    }
}
