// Reads that return the available bytes, a given number of bytes, or all bytes up to a delimiter or
// EOF.
extension SocketStream {
    /// Reads the available bytes, waiting until there is at least one byte.
    ///
    /// The call blocks the thread; the async counterpart is ``Connection/read(atMost:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes to return.
    ///   - timeout: The maximum time to wait. A timeout loses no bytes, but it does not undo
    ///     earlier reads. If a message takes two reads and the second one times out, keep the bytes
    ///     from the first.
    /// - Returns: The bytes, or an empty array at the end of the stream or if `count` is 0.
    /// - Throws: The errors of ``Socket/receive(atMost:timeout:)``.
    public func read(
        atMost count: Int = 65536, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        try requireBuffer(for: .read)
        var deadline = Deadline(timeout)
        scanner.stopSkipping()
        while input.isEmpty, count > 0 {
            guard try fill(&deadline) else { return [] }
        }
        return input.take(min(max(0, count), input.count))
    }

    /// Reads exactly `count` bytes.
    ///
    /// ```swift
    /// let header = try stream.readExactly(8, timeout: .seconds(2))
    /// ```
    ///
    /// The call blocks the thread; the async counterpart is ``Connection/readExactly(_:timeout:)``.
    ///
    /// - Parameters:
    ///   - count: The number of bytes to read.
    ///   - timeout: The time limit for all bytes together. After a timeout, the received bytes stay
    ///     in the stream. A timeout does not undo earlier reads. If a message takes two reads and
    ///     the second one times out, keep the bytes from the first.
    /// - Returns: The `count` bytes.
    /// - Throws: The errors of ``Socket/receive(atMost:timeout:)``, and
    ///   ``SocketError/Cause/endOfStream`` if the stream ends before `count` bytes have arrived.
    ///   ``SocketError/partialBytes`` then contains the received bytes.
    public func readExactly(
        _ count: Int, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        if let bytes = try read(.exactly(count), timeout: timeout) { return bytes }
        throw failureInsideMessage()
    }

    /// Reads up to and including the first `byte`.
    ///
    /// If the stream ends before that byte, the call returns the remaining bytes. The call blocks
    /// the thread; the async counterpart is
    /// ``Connection/readUntil(_:limit:timeout:)-(UInt8,_,_)``.
    ///
    /// - Parameters:
    ///   - byte: The byte that ends the message.
    ///   - limit: The maximum length of the message in bytes, including `byte`, or `nil` for the
    ///     stream's line limit.
    ///   - timeout: The time limit for the whole message. A timeout does not undo earlier reads. If
    ///     a message takes two reads and the second one times out, keep the bytes from the first.
    /// - Returns: The bytes, or `nil` at the end of the stream.
    /// - Throws: The errors of ``Socket/receive(atMost:timeout:)``, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if the byte is not among the first `limit` bytes.
    ///   The received bytes then stay in the stream.
    public func readUntil(
        _ byte: UInt8, limit: Int? = nil, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8]? {
        try read(.until(byte), limit: limit, timeout: timeout)
    }

    /// Reads up to and including the first delimiter of any length.
    ///
    /// ```swift
    /// let head = try stream.readUntil("\r\n\r\n", limit: 8192)
    /// ```
    ///
    /// If the stream ends before the delimiter, the call returns the remaining bytes. The call
    /// blocks the thread; the async counterpart is
    /// ``Connection/readUntil(_:limit:timeout:)-([UInt8],_,_)``.
    ///
    /// - Parameters:
    ///   - delimiter: The bytes that end the message.
    ///   - limit: The maximum length of the message in bytes, including `delimiter`, or `nil` for
    ///     the stream's line limit.
    ///   - timeout: The time limit for the whole message. A timeout does not undo earlier reads. If
    ///     a message takes two reads and the second one times out, keep the bytes from the first.
    /// - Returns: The bytes, or `nil` at the end of the stream.
    /// - Throws: The errors of ``Socket/receive(atMost:timeout:)``,
    ///   ``SocketError/Cause/invalidInput(_:)`` if the delimiter is empty, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if the delimiter does not end within the first
    ///   `limit` bytes. The received bytes then stay in the stream.
    public func readUntil(
        _ delimiter: [UInt8], limit: Int? = nil, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8]? {
        try read(.until(delimiter), limit: limit, timeout: timeout)
    }

    /// Reads up to and including the first occurrence of a text; see
    /// ``readUntil(_:limit:timeout:)-([UInt8],_,_)``.
    ///
    /// - Throws: The errors of ``Socket/receive(atMost:timeout:)``,
    ///   ``SocketError/Cause/invalidInput(_:)`` if the text is empty, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if the text does not end within the first `limit`
    ///   bytes. The received bytes then stay in the stream.
    public func readUntil(
        _ delimiter: String, limit: Int? = nil, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8]? {
        try readUntil(Array(delimiter.utf8), limit: limit, timeout: timeout)
    }

    /// Reads everything until the peer ends the stream.
    ///
    /// The call blocks the thread; the async counterpart is
    /// ``Connection/readToEnd(limit:timeout:)``.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of bytes to accept, 16 MiB by default.
    ///   - timeout: The time limit for all bytes together. A timeout does not undo earlier reads.
    ///     If a message takes two reads and the second one times out, keep the bytes from the
    ///     first.
    /// - Returns: The bytes, or an empty array if the stream has already ended.
    /// - Throws: The errors of ``Socket/receive(atMost:timeout:)``, and
    ///   ``SocketError/Cause/tooLarge(limit:)`` if more than `limit` bytes arrive. The received
    ///   bytes then stay in the stream.
    public func readToEnd(
        limit: Int = 16 << 20, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        try read(.toEnd(limit: limit), timeout: timeout) ?? []
    }

    /// Reads one message.
    ///
    /// Returns `nil` if the stream ends before the message is complete.
    func read(
        _ framing: Framing, limit: Int? = nil, timeout: TimeLimit
    ) throws(SocketError) -> [UInt8]? {
        try requireBuffer(for: .read)
        var deadline = Deadline(timeout)
        var parser = MessageParser(framing, delimitedLimit: limit ?? scanner.limit)
        if framing != .line { scanner.stopSkipping() }
        var hasEnded = false
        while true {
            switch parser.next(&input, &scanner, isAtEnd: hasEnded) {
            case .message(let bytes): return bytes
            case .failed(let cause): throw socket.failure(.read, cause)
            case .needsMore where hasEnded: return nil
            case .needsMore: hasEnded = try !fill(&deadline)
            }
        }
    }

    /// Removes the bytes of a message that is incomplete at the end of the stream, and returns the
    /// error to throw.
    func failureInsideMessage() -> SocketError {
        let partial = input.take(input.count)
        return SocketError(
            .read, .endOfStream, localAddress: socket.localAddress,
            remoteAddress: socket.remoteAddress, bytesTransferred: partial.count,
            partialBytes: partial)
    }

    /// Throws if a closure is using the bytes in the buffer, because they must not change then.
    func requireBuffer(for operation: SocketError.Operation) throws(SocketError) {
        guard borrowers > 0 else { return }
        throw socket.failure(
            operation,
            .invalidInput(
                "a closure is using the received bytes: expected no other read until it ends"))
    }

    /// Receives bytes into the buffer once.
    ///
    /// Returns `false` at the end of the stream.
    func fill(_ deadline: inout Deadline) throws(SocketError) -> Bool {
        try socket.require(.stream, for: .read)
        try requireBuffer(for: .read)
        if isAtEnd { return false }
        var isFirst = deadline.startIfNeeded()
        // Send the unsent bytes first, because neither side would continue if the peer waited for
        // these bytes.
        let flushFailure =
            output.isEmpty && !socket.hasUnsent
            ? nil : try flushUntilReadable(deadline, &isFirst)
        let room = input.roomToFill
        let count: Int
        do throws(SocketError) {
            count = try socket.receive(
                room, flushFailure == nil ? deadline : .atOnce, [],
                isFirst: isFirst || flushFailure != nil)
        } catch {
            // After a failed flush, this read does not wait. If it times out, the peer has sent
            // nothing that explains the failure, so throw the error of the flush.
            if let flushFailure, error.isTimeout { throw flushFailure }
            throw error.attributed(to: .read, received: input.count)
        }
        // Do not set `isAtEnd`, so that each later read tries to flush and throws the error again.
        if count == 0, let flushFailure { throw flushFailure }
        input.written(count)
        isAtEnd = count == 0
        return count > 0
    }

    /// Sends the written bytes until all are sent or the socket becomes readable.
    ///
    /// If a send fails with a system error, this method returns the error instead of throwing it.
    /// The peer may have replied before the failure, so the caller must read first.
    private func flushUntilReadable(
        _ deadline: Deadline, _ isFirst: inout Bool
    ) throws(SocketError) -> SocketError? {
        var sent = 0
        var hasWaited = false
        defer { if hasWaited { isFirst = false } }
        do throws(SocketError) {
            while !output.isEmpty || socket.hasUnsent,
                let count = try socket.sendUnlessReadable(
                    output.bytes, deadline, hasWaited: &hasWaited)
            {
                output.consume(count)
                sent += count
            }
            return nil
        } catch {
            let failure = error.attributed(to: .write, bytesTransferred: sent, sent: sent)
            guard error.errno != nil else { throw failure }
            return failure
        }
    }
}
