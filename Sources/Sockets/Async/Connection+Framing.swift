internal import SystemPackage

// Reads of a wished size.
extension Connection {
    /// Reads exactly `count` bytes, waiting until all have come.
    ///
    /// After a time-out or a cancellation the bytes that had come are there for the next read.
    ///
    /// - Parameter timeout: the connection's `readTimeout` if nil; it covers all of the bytes.
    /// - Throws: `.endOfStream` if the stream ends before; `partialBytes` of the error are those
    ///   that came. As `read(into: MutableRawSpan, timeout:)`.
    public func readExactly(
        _ count: Int, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8] {
        try beginReading()
        defer { source.end(.reading) }
        var deadline = Deadline(timeout ?? readTimeout)
        while input.count < count {
            guard try await fill(&deadline) else {
                let partial = input.take(input.count)
                throw failure(
                    .read, .endOfStream, bytesTransferred: partial.count, partialBytes: partial)
            }
        }
        return input.take(max(0, count))
    }

    /// Reads up to and with the first such byte; nil at the end of the stream.
    ///
    /// If the stream ends before the byte comes, what did come is returned without it.
    ///
    /// - Parameters:
    ///   - byte: the byte that ends a part.
    ///   - limit: the longest part, in bytes with its end; 65536 if nil.
    ///   - timeout: the connection's `readTimeout` if nil; it covers the whole part.
    /// - Throws: `.tooLarge` if the byte is not among the first `limit`, which are still there to
    ///   be read in another way. As `read(into: MutableRawSpan, timeout:)`.
    public func readUntil(
        _ byte: UInt8, limit: Int? = nil, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8]? {
        try beginReading()
        defer { source.end(.reading) }
        var deadline = Deadline(timeout ?? readTimeout)
        let most = limit ?? scanner.limit
        var scanned = 0
        while true {
            switch input.take(upTo: byte, limit: most, scanned: &scanned) {
            case .part(let part): return part
            case .refused(let cause): throw failure(.read, cause)
            case .more: break
            }
            guard try await fill(&deadline) else {
                return input.isEmpty ? nil : input.take(input.count)
            }
        }
    }

    /// Reads everything until the peer ends the stream; empty if nothing comes.
    ///
    /// - Parameters:
    ///   - limit: how many bytes are accepted, 16 MiB unless told otherwise.
    ///   - timeout: the connection's `readTimeout` if nil; it covers everything.
    /// - Throws: `.tooLarge` when more have come, which are still there to be read in another way.
    ///   As `read(into: MutableRawSpan, timeout:)`.
    public func readToEnd(
        limit: Int = 16 << 20, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8] {
        try beginReading()
        defer { source.end(.reading) }
        var deadline = Deadline(timeout ?? readTimeout)
        repeat {
            if input.count > limit { throw failure(.read, .tooLarge(limit: limit)) }
        } while try await fill(&deadline)
        return input.take(input.count)
    }

    /// Receives once; false at the end of the stream. The caller holds the reading direction.
    func fill(_ deadline: inout Deadline) async throws(SocketError) -> Bool {
        if isAtEnd { return false }
        do throws(WaitFailure) {
            try deadline.beginStep()
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                let count = try receive(descriptor, into: input.roomToFill)
                input.written(count)
                return count > 0
            }
        } catch {
            throw failure(.read, error.cause)
        }
    }
}
