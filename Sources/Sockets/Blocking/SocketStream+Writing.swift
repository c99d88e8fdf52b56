// Buffered writes.
extension SocketStream {
    /// Writes bytes: they go into the buffer, and to the kernel when it is full or flushed.
    ///
    /// If a write ends part-way, `bytesTransferred` of the error says how many of these bytes the stream
    /// has taken; they are sent or stay in the buffer. Further writes are refused then, because
    /// they would continue in the wrong place, until `resumeWriting` is called.
    ///
    /// - Throws: as `Socket.send`; `.incompleteWrite`.
    public func write(_ bytes: RawSpan, timeout: TimeLimit = .never) throws(SocketError) {
        try requireStream(.write)
        guard !isIncomplete else { throw failure(.write, .incompleteWrite) }
        var deadline = Deadline(timeout)
        try bytes.withUnsafeBytes { bytes throws(SocketError) in
            var taken = 0
            do throws(SocketError) {
                while taken < bytes.count {
                    taken += try writeSome(
                        UnsafeRawBufferPointer(rebasing: bytes[taken...]), &deadline)
                }
            } catch {
                isIncomplete = taken > 0
                throw error.attributed(to: .write, bytesTransferred: taken, sent: taken)
            }
        }
    }

    /// Writes the bytes of an array; see `write(_: RawSpan, timeout:)`.
    public func write(_ bytes: [UInt8], timeout: TimeLimit = .never) throws(SocketError) {
        try write(bytes.span.bytes, timeout: timeout)
    }

    /// Writes a string as UTF-8; see `write(_: RawSpan, timeout:)`.
    public func write(_ text: String, timeout: TimeLimit = .never) throws(SocketError) {
        try write(text.utf8.span.bytes, timeout: timeout)
    }

    /// Hands everything that was written to the kernel, waiting until it has taken all.
    ///
    /// After a time-out the rest is still in the buffer, and the next flush goes on with it.
    ///
    /// - Throws: as `Socket.send`; `bytesTransferred` of the error says how many bytes went.
    public func flush(timeout: TimeLimit = .never) throws(SocketError) {
        guard !output.isEmpty else { return }
        try flush(Deadline(startingNow: timeout), isFirst: true)
    }

    /// Allows writes again after one that ended part-way: the caller has seen to it that the bytes
    /// to come continue where that one stopped.
    public func resumeWriting() {
        isIncomplete = false
    }

    /// Takes as many bytes as there is room for, making room first if there is none.
    private func writeSome(
        _ bytes: UnsafeRawBufferPointer, _ deadline: inout Deadline
    ) throws(SocketError) -> Int {
        if output.usualRoom == 0 {
            let isFirst = deadline.startIfNeeded()
            try flush(deadline, isFirst: isFirst)
        }
        if output.isEmpty, bytes.count >= output.usualRoom {
            // As much as the buffer would hold: not worth copying.
            let isFirst = deadline.startIfNeeded()
            return try socket.send(bytes, deadline, isFirst: isFirst)
        }
        let count = min(output.usualRoom, bytes.count)
        output.append(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        return count
    }

    func flush(_ deadline: Deadline, isFirst: Bool) throws(SocketError) {
        var isFirst = isFirst
        var sent = 0
        while !output.isEmpty {
            do throws(SocketError) {
                let count = try socket.send(output.bytes, deadline, isFirst: isFirst)
                output.consume(count)
                sent += count
            } catch {
                throw error.attributed(to: .write, bytesTransferred: sent, sent: sent)
            }
            isFirst = false
        }
    }
}
