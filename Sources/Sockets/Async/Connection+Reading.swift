internal import Synchronization
internal import SystemPackage

extension Connection {
    /// Waits for bytes and reads them into the beginning of a buffer, as recv(2) does.
    ///
    /// To reuse a buffer, keep its two spans in variables, because both spans must outlive the
    /// call:
    ///
    /// ```swift
    /// var buffer = [UInt8](repeating: 0, count: 65_536)
    /// var span = buffer.mutableSpan
    /// var bytes = span.mutableBytes
    /// let count = try await connection.read(into: &bytes)
    /// try await connection.write(buffer.span.bytes.extracting(first: count))
    /// ```
    ///
    /// - Parameters:
    ///   - buffer: The memory for the bytes. If it is empty, the call returns 0 at once.
    ///   - timeout: The time limit for the read, or `nil` for ``readTimeout``. A timeout does not
    ///     undo earlier reads. If a message takes two reads and the second one times out, keep the
    ///     bytes from the first.
    /// - Returns: The number of bytes, or 0 at the end of the stream.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke, for example because the peer
    ///     reset it.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No bytes are lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No bytes are lost.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func read(
        into buffer: inout MutableRawSpan, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Int {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        if !input.isEmpty || buffer.isEmpty || isAtEnd {
            return buffer.withUnsafeMutableBytes { input.take(into: $0) }
        }
        do throws(WaitFailure) {
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                try buffer.withUnsafeMutableBytes { bytes throws(Errno) in
                    try receive(descriptor, into: bytes)
                }
            }
        } catch {
            throw failure(.read, after: error)
        }
    }

    /// Waits for bytes and appends them to a buffer of raw storage that you own.
    ///
    /// - Parameters:
    ///   - buffer: The memory for the bytes. If it has no free capacity, the call returns 0 at
    ///     once.
    ///   - timeout: The time limit for the read, or `nil` for ``readTimeout``. A timeout does not
    ///     undo earlier reads. If a message takes two reads and the second one times out, keep the
    ///     bytes from the first.
    /// - Returns: The number of bytes, or 0 at the end of the stream.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke, for example because the peer
    ///     reset it.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No bytes are lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No bytes are lost.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func read(
        into buffer: inout OutputRawSpan, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Int {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        if !input.isEmpty || buffer.freeCapacity == 0 || isAtEnd {
            return buffer.withUnsafeMutableBytes { bytes, initialized in
                let count = input.take(
                    into: UnsafeMutableRawBufferPointer(rebasing: bytes[initialized...]))
                initialized += count
                return count
            }
        }
        do throws(WaitFailure) {
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

    /// Waits for bytes and appends at most `count` of them to an array.
    ///
    /// ```swift
    /// var received: [UInt8] = []
    /// while try await connection.read(appendingTo: &received) > 0 {}
    /// ```
    ///
    /// - Parameters:
    ///   - bytes: The array. It is not changed at the end of the stream.
    ///   - count: The maximum number of bytes. If it is 0 or less, the call returns 0 at once.
    ///   - timeout: The time limit for the read, or `nil` for ``readTimeout``. A timeout does not
    ///     undo earlier reads. If a message takes two reads and the second one times out, keep the
    ///     bytes from the first.
    /// - Returns: The number of bytes, or 0 at the end of the stream.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke, for example because the peer
    ///     reset it.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No bytes are lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No bytes are lost.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func read(
        appendingTo bytes: inout [UInt8], atMost count: Int = 65536, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> Int {
        var deadline = try beginReading(timeout)
        defer { source.endReading() }
        if !input.isEmpty || count <= 0 || isAtEnd {
            return bytes.append(atMost: min(count, input.count)) { input.take(into: $0) }
        }
        do throws(WaitFailure) {
            return try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                try bytes.append(atMost: count) { free throws(Errno) in
                    try receive(descriptor, into: free)
                }
            }
        } catch {
            throw failure(.read, after: error)
        }
    }

    /// Waits for bytes and returns at most `count` of them.
    ///
    /// ```swift
    /// let greeting = try await connection.read(atMost: 512, timeout: .seconds(5))
    /// ```
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes.
    ///   - timeout: The time limit for the read, or `nil` for ``readTimeout``. A timeout does not
    ///     undo earlier reads. If a message takes two reads and the second one times out, keep the
    ///     bytes from the first.
    /// - Returns: The bytes, or an empty array at the end of the stream.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke, for example because the peer
    ///     reset it.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time. No bytes are lost.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. No bytes are lost.
    ///   - ``SocketError/Cause/busy`` if another task is already reading.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func read(
        atMost count: Int = 65536, timeout: TimeLimit? = nil
    ) async throws(SocketError) -> [UInt8] {
        var bytes: [UInt8] = []
        _ = try await read(appendingTo: &bytes, atMost: count, timeout: timeout)
        return bytes
    }

    /// Begins a read of bytes rather than lines, so the rest of an overlong line is returned
    /// instead of skipped.
    @inline(__always)
    func beginReading(_ timeout: TimeLimit?) throws(SocketError) -> Deadline {
        try begin(.read)
        scanner.stopSkipping()
        return Deadline(timeout ?? readTimeout)
    }

    @inline(__always)
    func begin(_ operation: SocketError.Operation) throws(SocketError) {
        do throws(WaitFailure) {
            try source.beginReading()
        } catch {
            throw failure(operation, after: error)
        }
    }

    /// Claims the writing direction after the earlier writes have ended.
    @inline(__always)
    func beginWriting(
        _ deadline: inout Deadline, for operation: SocketError.Operation = .write
    ) async throws(SocketError) {
        do throws(WaitFailure) {
            try await source.beginWriting(&deadline)
        } catch {
            throw failureBeforeWriting(operation, error.cause)
        }
    }

    /// Returns the error of an operation that ended before its turn to write came.
    ///
    /// The error has no stall report, because the operation has not tried to write. Its time limit
    /// may have passed while another operation, such as an `echo`, still moved bytes.
    @inline(never)
    private func failureBeforeWriting(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause
    ) -> SocketError {
        guard case .timedOut = cause else { return failure(operation, cause) }
        return SocketError(
            operation, cause, localAddress: localAddress, remoteAddress: remoteAddress,
            hint: "Another task was writing to this connection all the time.")
    }

    /// Calls recv once, and marks reading as ready if another call may succeed at once.
    @inline(__always)
    func receive(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        if _slowPath(tlsReference.isCreated) {
            return try receiveDecrypted(descriptor, into: buffer)
        }
        return try receivePlain(descriptor, into: buffer)
    }

    /// Calls recv once for a connection without TLS; see ``receive(_:into:)``.
    @inline(__always)
    func receivePlain(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        let count = try System.recv(descriptor, buffer, .dontWait)
        if _slowPath(count == 0) { return try receiveEnd(descriptor) }
        // A short read has emptied the kernel's buffer, so the next read waits for an event instead
        // of making a wasted system call. But no event follows a hang-up or an error, so reading
        // stays marked as ready after them.
        if count == buffer.count || source.staysReadable { source.reading.word.setReady() }
        return count
    }

    /// Returns 0 if the peer has ended the stream, and throws if recv(2) returned 0 for another
    /// reason.
    ///
    /// The other reasons are that the connection was closed on this side, or that it broke and the
    /// kernel has already reported the error to another call.
    @inline(never)
    func receiveEnd(_ descriptor: Int32) throws(Errno) -> Int {
        // After the shutdown in `close`, recv(2) returns 0 as at the end of the stream.
        if source.lifetime.isClosed { throw .badFileDescriptor }
        if isAttemptingWrite.load(ordering: .acquiring) || brokenBy.objectIfCreated != nil,
            let error = connectionError?.atEnd(
                of: descriptor, isTaken: { isAttemptingWrite.load(ordering: .acquiring) })
        {
            throw error
        }
        if source.staysReadable { source.reading.word.setReady() }
        isAtEnd = true
        return 0
    }
}
