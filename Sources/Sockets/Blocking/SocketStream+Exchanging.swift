// Request and reply.
extension SocketStream {
    /// Writes a request and ends it by a half-close, and reads the reply up to its end: it reads
    /// while it writes, so that no sizes can make both ends wait for each other.
    ///
    /// What was written before and not flushed goes first.
    ///
    /// - Parameters:
    ///   - limit: the longest reply, in bytes.
    ///   - timeout: covers the whole exchange. Afterwards what had come is there to be read.
    /// - Throws: as `Socket.exchange`; `.incompleteWrite`.
    public func exchange(
        _ request: [UInt8], limit: Int = 16 << 20, timeout: TimeLimit = .never
    ) throws(SocketError) -> Reply {
        try exchange(request, .toEnd(limit: limit), timeout)
    }

    /// Writes a request, and reads a reply whose end is known; the connection goes on.
    ///
    /// - Throws: `.endOfStream` if the stream ends before the reply does; as
    ///   `exchange(_:limit:timeout:)`.
    public func exchange(
        _ request: [UInt8], reading framing: Reply.Framing, timeout: TimeLimit = .never
    ) throws(SocketError) -> Reply {
        try exchange(request, .frame(framing), timeout)
    }

    /// Exchanges text, as UTF-8; see `exchange(_: [UInt8], limit:timeout:)`.
    public func exchange(
        _ request: String, limit: Int = 16 << 20, timeout: TimeLimit = .never
    ) throws(SocketError) -> Reply {
        try exchange(Array(request.utf8), limit: limit, timeout: timeout)
    }

    /// Exchanges text, as UTF-8; see `exchange(_: [UInt8], reading:timeout:)`.
    public func exchange(
        _ request: String, reading framing: Reply.Framing, timeout: TimeLimit = .never
    ) throws(SocketError) -> Reply {
        try exchange(Array(request.utf8), reading: framing, timeout: timeout)
    }

    private func exchange(
        _ request: [UInt8], _ extent: Exchange.Extent, _ timeout: TimeLimit
    ) throws(SocketError) -> Reply {
        try requireStream(.exchange)
        guard !isIncomplete else { throw failure(.exchange, .incompleteWrite) }
        guard !isLending else {
            throw failure(
                .exchange,
                .invalidInput("a read inside withLine: expected none until its closure ends"))
        }
        if case .frame(.line) = extent {} else { scanner.stopSkipping() }
        // To flush first could be to wait for a peer that waits for us.
        let request = output.isEmpty ? request : [UInt8](output.bytes) + request
        let pending = output.count
        return try request.span.bytes.withUnsafeBytes { request throws(SocketError) in
            var exchange = Exchange(request.count, extent, keepsSurplus: true)
            defer {
                isIncomplete = exchange.isIncomplete
                output.consume(min(pending, exchange.bytesTransferred))
            }
            return try socket.finish(
                &exchange, request, &input, &scanner, &isAtEnd, Deadline(timeout))
        }
    }
}
