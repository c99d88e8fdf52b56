internal import SystemPackage

// Request and reply.
extension Socket {
    /// Sends a request and ends it by a half-close, and receives the reply up to its end: it
    /// receives while it sends, so that no sizes can make both ends wait for each other.
    ///
    /// - Parameters:
    ///   - limit: the longest reply, in bytes.
    ///   - timeout: covers the whole exchange.
    /// - Throws: `.system`: the connection broke, and nothing had come; `.tooLarge`, `.timedOut`,
    ///   `.closed`; `.invalidInput` for kinds other than `.stream`. `bytesTransferred` of the error says
    ///   how many bytes of the request went.
    public func exchange(
        _ request: [UInt8], limit: Int = 16 << 20, timeout: TimeLimit = .never
    ) throws(SocketError) -> Reply {
        try exchange(request, .toEnd(limit: limit), timeout)
    }

    /// Sends a request, and receives a reply whose end is known; the connection goes on.
    ///
    /// Receives while it sends, and never more than the reply: what follows can be received
    /// afterwards. A line, and a part that ends with a byte, is at most 65536 bytes long.
    ///
    /// - Throws: `.endOfStream` if the stream ends before the reply does; `partialBytes` of the
    ///   error are those that came. As `exchange(_:limit:timeout:)`.
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
        guard type == .stream else {
            throw failure(
                .exchange,
                .invalidInput("a socket of the type \(type): expected one of the type stream"))
        }
        var input = ByteBuffer(capacity: 65536)
        var scanner = LineScanner(limit: 65536)
        var isAtEnd = false
        return try request.span.bytes.withUnsafeBytes { request throws(SocketError) in
            var exchange = Exchange(request.count, extent, keepsSurplus: false)
            return try finish(&exchange, request, &input, &scanner, &isAtEnd, Deadline(timeout))
        }
    }

    /// Carries an exchange out, on one thread.
    func finish(
        _ exchange: inout Exchange, _ request: UnsafeRawBufferPointer, _ input: inout ByteBuffer,
        _ scanner: inout LineScanner,
        _ isAtEnd: inout Bool, _ deadline: Deadline
    ) throws(SocketError) -> Reply {
        guard enter() else { throw failure(.exchange, .closed) }
        defer { leave() }
        // What was left of the limit when nothing more could be done.
        var patience: Duration?
        while true {
            let step = exchange.step(descriptor, request, &input, &scanner, isAtEnd: &isAtEnd)
            // The shutdown by `close` looks like the end of the stream: it is not.
            if isClosed {
                throw failure(.exchange, .closed, bytesTransferred: exchange.bytesTransferred)
            }
            switch step {
            case .moved:
                patience = nil
                if deadline.hasPassed {
                    throw timeout(
                        .exchange, deadline, nil, sent: exchange.bytesTransferred,
                        received: input.count)
                }
            case .finished(let reply):
                return reply
            case .failed(let cause, let bytesTransferred, let partialBytes):
                throw SocketError(
                    .exchange, cause, localAddress: localAddress, remoteAddress: remoteAddress,
                    bytesTransferred: bytesTransferred, partialBytes: partialBytes)
            case .blocked(let sends, let receives):
                let remaining = deadline.remaining
                if let remaining, remaining <= .zero {
                    throw timeout(
                        .exchange, deadline, patience, sent: exchange.bytesTransferred,
                        received: input.count)
                }
                if patience == nil { patience = remaining }
                try wait(sends: sends, receives: receives, atMost: remaining)
            }
        }
    }

    private func wait(
        sends: Bool, receives: Bool, atMost duration: Duration?
    ) throws(SocketError) {
        var requests: [PollRequest] = []
        if receives { requests.append(PollRequest(descriptor: descriptor, isForWriting: false)) }
        if sends { requests.append(PollRequest(descriptor: descriptor, isForWriting: true)) }
        do throws(Errno) {
            try System.poll(&requests, milliseconds: duration?.millisecondsRoundedUp ?? -1)
        } catch {
            throw failure(.exchange, .system(error))
        }
    }
}
