internal import Synchronization

// Request and reply.
extension Connection {
    /// Writes a request and ends it by a half-close, and reads the reply up to its end: it reads
    /// while it writes, so that no sizes can make both ends wait for each other.
    ///
    /// ```swift
    /// let reply = try await connection.exchange("who are you?\n")
    /// print(reply.text)
    /// ```
    ///
    /// - Parameters:
    ///   - limit: the longest reply, in bytes.
    ///   - timeout: covers the whole exchange. Afterwards, and after a cancellation, what had come
    ///     is there to be read.
    /// - Throws: `.system`: the connection broke, and nothing had come; `.tooLarge`, `.timedOut`,
    ///   `.cancelled`, `.busy`, `.closed`, `.incompleteWrite`. `bytesTransferred` of the error says how
    ///   many bytes of the request went.
    public func exchange(
        _ request: [UInt8], limit: Int = 16 << 20, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Reply {
        try await exchange(request, .toEnd(limit: limit), timeout)
    }

    /// Writes a request, and reads a reply whose end is known; the connection goes on.
    ///
    /// A line, and a part that ends with a byte, is at most 65536 bytes long.
    ///
    /// - Throws: `.endOfStream` if the stream ends before the reply does; `partialBytes` of the
    ///   error are those that came. As `exchange(_:limit:timeout:)`.
    public func exchange(
        _ request: [UInt8], reading framing: Reply.Framing, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Reply {
        try await exchange(request, .frame(framing), timeout)
    }

    /// Exchanges text, as UTF-8; see `exchange(_: [UInt8], limit:timeout:)`.
    public func exchange(
        _ request: String, limit: Int = 16 << 20, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Reply {
        try await exchange(Array(request.utf8), limit: limit, timeout: timeout)
    }

    /// Exchanges text, as UTF-8; see `exchange(_: [UInt8], reading:timeout:)`.
    public func exchange(
        _ request: String, reading framing: Reply.Framing, timeout: TimeLimit = .never
    ) async throws(SocketError) -> Reply {
        try await exchange(Array(request.utf8), reading: framing, timeout: timeout)
    }

    private func exchange(
        _ request: [UInt8], _ extent: Exchange.Extent, _ timeout: TimeLimit
    ) async throws(SocketError) -> Reply {
        try begin(.exchange)
        defer { source.end(.reading) }
        try begin(.write)
        defer { source.end(.writing) }
        guard !isIncomplete else { throw failure(.exchange, .incompleteWrite) }
        if case .frame(.line) = extent {} else { scanner.stopSkipping() }
        source.isJoined.store(true, ordering: .sequentiallyConsistent)
        defer {
            source.isJoined.store(false, ordering: .sequentiallyConsistent)
            // It has cleared them without finding out about each.
            source.reading.word.setReady()
            source.writing.word.setReady()
        }
        var deadline = WaitDeadline(timeout)
        var exchange = Exchange(request.count, extent, keepsSurplus: true)
        defer { isIncomplete = exchange.isIncomplete }
        while true {
            await source.takeTurn()
            source.reading.word.clear()
            source.writing.word.clear()
            let step = request.withUnsafeBytes {
                exchange.step(source.descriptor, $0, &input, &scanner, isAtEnd: &isAtEnd)
            }
            // The shutdown by `close` looks like the end of the stream: it is not.
            if isClosed {
                throw failure(.exchange, .closed, bytesTransferred: exchange.bytesTransferred)
            }
            switch step {
            case .moved:
                do throws(EndOfWait) {
                    try deadline.beginStep()
                } catch {
                    throw failure(
                        .exchange, error.cause, bytesTransferred: exchange.bytesTransferred)
                }
            case .finished(let reply):
                return reply
            case .failed(let cause, let bytesTransferred, let partialBytes):
                throw failure(
                    .exchange, cause, bytesTransferred: bytesTransferred, partialBytes: partialBytes
                )
            case .blocked:
                if deadline.hasPassed {
                    throw failure(
                        .exchange, deadline.cause, bytesTransferred: exchange.bytesTransferred)
                }
                guard await source.wait(.reading, until: deadline.begin()) else {
                    throw failure(
                        .exchange, .cancelled, bytesTransferred: exchange.bytesTransferred)
                }
            }
        }
    }
}
