internal import SystemPackage

// Reads without a copy.
extension Connection {
    /// Lends what has come to `body`, waiting until there is something; nil at the end of the
    /// stream.
    ///
    /// The fastest way to read: on a loop's thread the bytes are in memory of the loop's own, so that a
    /// connection which waits needs none. What `body` was lent is taken, also if it throws.
    ///
    /// - Parameter timeout: the connection's `readTimeout` if nil.
    /// - Throws: as `read(into: MutableRawSpan, timeout:)`, and what `body` throws.
    public func withReceived<Success>(
        timeout: TimeLimit? = nil, _ body: (RawSpan) throws -> Success
    ) async throws -> Success? {
        try beginReading()
        defer { source.end(.reading) }
        var deadline = WaitDeadline(timeout ?? readTimeout)
        return try await lend(&deadline) { bytes in
            // Safe: the bytes stay where they are until something else is received.
            Result { try body(RawSpan(_unsafeBytes: bytes)) }
        }?.get()
    }

    /// Lends what has come to `body`; nil at the end of the stream.
    ///
    /// The caller holds the reading direction. `body` runs before anything can suspend. If `input`
    /// was empty before, it is so during `body` too, and what is appended to it is read next.
    @inline(__always)
    func lend<Success>(
        _ deadline: inout WaitDeadline, _ body: (UnsafeRawBufferPointer) -> Success
    ) async throws(SocketError) -> Success? {
        if !input.isEmpty {
            let bytes = input.bytes
            input.consume(bytes.count)
            return body(bytes)
        }
        if isAtEnd { return nil }
        do throws(EndOfWait) {
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                // Not noted as written: `input` stays empty.
                let room = source.scratch ?? input.room(atLeast: 65536)
                let count = try receive(descriptor, into: room)
                return count == 0 ? nil : body(UnsafeRawBufferPointer(rebasing: room[..<count]))
            }
        } catch {
            throw failure(.read, error.cause)
        }
    }
}
