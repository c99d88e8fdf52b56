internal import SystemPackage

// Reads of what has come.
extension Connection {
    /// Reads what has come, waiting until there is something; 0 at the end of the stream.
    ///
    /// The bytes are put at the beginning of `buffer`; an empty buffer gives 0 at once. The
    /// corresponding C call is recv(2).
    ///
    /// - Parameter timeout: the connection's `readTimeout` if nil.
    /// - Throws: `.system(.connectionReset)`; `.timedOut` and `.cancelled`, which lose nothing;
    ///   `.busy`, `.closed`.
    public func read(
        into buffer: inout MutableRawSpan, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Int {
        try beginReading()
        defer { source.end(.reading) }
        var deadline = WaitDeadline(timeout ?? readTimeout)
        if !input.isEmpty || buffer.isEmpty || isAtEnd {
            return buffer.withUnsafeMutableBytes { takeReceived(into: $0) }
        }
        do throws(EndOfWait) {
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                try buffer.withUnsafeMutableBytes { bytes throws(Errno) in
                    try receive(descriptor, into: bytes)
                }
            }
        } catch {
            throw failure(.read, after: error)
        }
    }

    /// Reads into the free part of a buffer; see `read(into: MutableRawSpan, timeout:)`.
    public func read(
        into buffer: inout OutputRawSpan, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Int {
        try beginReading()
        defer { source.end(.reading) }
        var deadline = WaitDeadline(timeout ?? readTimeout)
        if !input.isEmpty || buffer.freeCapacity == 0 || isAtEnd {
            return buffer.withUnsafeMutableBytes { bytes, initialized in
                let count = takeReceived(
                    into: UnsafeMutableRawBufferPointer(rebasing: bytes[initialized...]))
                initialized += count
                return count
            }
        }
        do throws(EndOfWait) {
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                try buffer.withUnsafeMutableBytes { bytes, initialized throws(Errno) in
                    let free = UnsafeMutableRawBufferPointer(rebasing: bytes[initialized...])
                    let count = try receive(descriptor, into: free)
                    initialized += count
                    return count
                }
            }
        } catch {
            throw failure(.read, after: error)
        }
    }

    /// Reads at most `count` bytes to the end of an array and returns their number; see
    /// `read(into: MutableRawSpan, timeout:)`.
    public func read(
        appendingTo bytes: inout [UInt8], atMost count: Int = 65536, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Int {
        try beginReading()
        defer { source.end(.reading) }
        var deadline = WaitDeadline(timeout ?? readTimeout)
        if !input.isEmpty || count <= 0 || isAtEnd {
            return bytes.append(atMost: min(count, input.count)) { takeReceived(into: $0) }
        }
        do throws(EndOfWait) {
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                try bytes.append(atMost: count) { free throws(Errno) in
                    try receive(descriptor, into: free)
                }
            }
        } catch {
            throw failure(.read, after: error)
        }
    }

    /// Reads at most `count` bytes as an array, which is empty at the end of the stream; see
    /// `read(into: MutableRawSpan, timeout:)`.
    public func read(
        atMost count: Int = 65536, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8] {
        var bytes: [UInt8] = []
        _ = try await read(appendingTo: &bytes, atMost: count, timeout: timeout)
        return bytes
    }

    /// Begins a read that is not one of lines: the rest of a line too long is wanted after all.
    @inline(__always)
    func beginReading() throws(SocketError) {
        try begin(.read)
        scanner.stopSkipping()
    }

    @inline(__always)
    func begin(_ operation: SocketError.Operation) throws(SocketError) {
        do throws(EndOfWait) {
            try source.begin(operation == .write ? .writing : .reading)
        } catch {
            throw failure(operation, after: error)
        }
    }

    /// One recv, which remembers whether another one may find more.
    @inline(__always)
    func receive(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        let count = try System.recv(descriptor, buffer, [])
        // The shutdown by `close` looks like the end of the stream: it is not.
        if _slowPath(count == 0), source.gate.isClosed { throw .badFileDescriptor }
        // A short read has emptied the kernel's buffer: an event will tell when there is more. Not
        // so when the peer has ended or broken the connection, which is told only once.
        if count == buffer.count || source.staysReadable { source.reading.word.setReady() }
        if _slowPath(count == 0) { isAtEnd = true }
        return count
    }

    private func takeReceived(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, input.count)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: input.bytes[..<count]))
        input.consume(count)
        return count
    }
}
