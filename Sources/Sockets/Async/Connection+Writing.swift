internal import SystemPackage

// Writes.
extension Connection {
    /// Writes all of the bytes: returns when the kernel has taken them.
    ///
    /// If a write ends part-way (a time-out, a cancellation, a reset), `bytesTransferred` of the error
    /// says how many bytes went, and further writes are refused with `.incompleteWrite`, because
    /// they would continue in the wrong place, until `resumeWriting` is called.
    ///
    /// - Parameter timeout: the connection's `writeTimeout` if nil; it covers the whole write.
    /// - Throws: `.system`: `.brokenPipe` and `.connectionReset` (what the peer sent before may
    ///   still be readable); `.timedOut`, `.cancelled`, `.busy`, `.closed`, `.incompleteWrite`.
    public func write(
        _ bytes: RawSpan, timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try begin(.write)
        defer { source.end(.writing) }
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
        var deadline = WaitDeadline(timeout ?? writeTimeout)
        var sent = 0
        do throws(EndOfWait) {
            try await send(bytes, &deadline, &sent)
        } catch {
            isIncomplete = sent > 0
            throw failure(.write, error.cause, bytesTransferred: sent)
        }
    }

    /// Writes the bytes of an array; see `write(_: RawSpan, timeout:)`.
    public func write(
        _ bytes: [UInt8], timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try await write(bytes.span.bytes, timeout: timeout)
    }

    /// Writes a string as UTF-8; see `write(_: RawSpan, timeout:)`.
    public func write(
        _ text: String, timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try await write(text.utf8.span.bytes, timeout: timeout)
    }

    /// Writes several pieces, in order, without joining them first: sendmsg(2).
    ///
    /// - Throws: as `write(_: RawSpan, timeout:)`.
    public func write(
        parts: [[UInt8]], timeout: TimeLimit? = nil
    ) async throws(SocketError) {
        try begin(.write)
        defer { source.end(.writing) }
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
        var deadline = WaitDeadline(timeout ?? writeTimeout)
        var rest = GatherCursor(parts)
        do throws(EndOfWait) {
            while !rest.isAtEnd {
                try deadline.beginStep()
                let count = try await source.perform(.writing, &deadline) {
                    descriptor throws(Errno) in
                    let count = try System.sendmsg(
                        descriptor, rest.parts, skipping: rest.skipped, atMost: System.mostAtOnce,
                        [])
                    source.writing.word.setReady()
                    return count
                }
                rest.advance(by: count)
            }
        } catch {
            isIncomplete = rest.advanced > 0
            throw failure(.write, error.cause, bytesTransferred: rest.advanced)
        }
    }

    /// Allows writes again after one that ended part-way: the caller has seen to it that the bytes
    /// to come continue where that one stopped.
    ///
    /// - Throws: `.busy` while another task writes; `.closed`.
    public func resumeWriting() throws(SocketError) {
        try begin(.write)
        isIncomplete = false
        source.end(.writing)
    }

    /// Sends all of the bytes, and keeps count of those that went.
    @inline(__always)
    func send(
        _ bytes: RawSpan, _ deadline: inout WaitDeadline, _ sent: inout Int
    ) async throws(EndOfWait) {
        while sent < bytes.byteCount {
            try deadline.beginStep()
            sent += try await source.perform(.writing, &deadline) { descriptor throws(Errno) in
                let count = try bytes.withUnsafeBytes { bytes throws(Errno) in
                    let rest = bytes[sent...].prefix(System.mostAtOnce)
                    return try System.send(
                        descriptor, UnsafeRawBufferPointer(rebasing: rest), [])
                }
                source.writing.word.setReady()
                return count
            }
        }
    }

    /// Sends what the kernel takes at once, without waiting: 0 if that is nothing.
    @inline(__always)
    func sendAtOnce(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        guard source.writing.word.isReady else { return 0 }
        _ = source.spend()
        source.writing.word.clear()
        do throws(Errno) {
            let count = try System.send(source.descriptor, bytes, [])
            source.writing.word.setReady()
            return count
        } catch .wouldBlock {
            return 0
        } catch {
            source.writing.word.setReady()
            guard error != .interrupted else { return 0 }
            throw error
        }
    }
}
