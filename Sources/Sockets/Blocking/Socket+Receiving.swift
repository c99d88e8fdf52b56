internal import SystemPackage

// Receiving on connected sockets.
extension Socket {
    /// Receives the available bytes, waiting until there is at least one byte: recv(2).
    ///
    /// ```swift
    /// var storage = [UInt8](repeating: 0, count: 4096)
    /// var bytes = storage.mutableSpan
    /// var buffer = bytes.mutableBytes
    /// let count = try socket.receive(into: &buffer)
    /// ```
    ///
    /// The bytes are at the beginning of `buffer`. On a stream, 0 means EOF, or that `buffer` has
    /// no space. On a datagram socket, 0 means an empty datagram, and the part of a datagram that
    /// does not fit is lost; `receiveFrom` reports such a loss. On a sequenced-packet socket, 0
    /// means EOF or an empty packet; ``receivePacket(atMost:timeout:)`` distinguishes them. The
    /// call blocks the thread; the async counterpart is `Connection.read(into:timeout:)`.
    ///
    /// - Parameters:
    ///   - buffer: The memory for the bytes.
    ///   - timeout: The maximum time to wait. A timeout loses no bytes, but it does not undo
    ///     earlier reads. If a message takes two reads and the second one times out, keep the bytes
    ///     from the first.
    /// - Returns: The number of received bytes.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `connectionReset` if the peer reset the
    ///     connection.
    ///   - ``SocketError/Cause/system(_:)`` with `connectionRefused` if the socket is a connected
    ///     UDP socket and the peer's host rejected an earlier datagram.
    ///   - ``SocketError/Cause/system(_:)`` with `socketNotConnected` if a stream is not connected.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if nothing arrived in time.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func receive(
        into buffer: inout MutableRawSpan, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try buffer.withUnsafeMutableBytes { bytes throws(SocketError) in
            try receive(bytes, Deadline(startingNow: timeout), [])
        }
    }

    /// Receives into the free part of `buffer`; see ``receive(into:timeout:)-(MutableRawSpan,_)``.
    ///
    /// - Parameters:
    ///   - buffer: The memory for the bytes.
    ///   - timeout: The maximum time to wait. A timeout does not undo earlier reads. If a message
    ///     takes two reads and the second one times out, keep the bytes from the first.
    /// - Returns: The number of received bytes.
    /// - Throws: The errors of ``receive(into:timeout:)-(MutableRawSpan,_)``.
    public func receive(
        into buffer: inout OutputRawSpan, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        let deadline = Deadline(startingNow: timeout)
        return try buffer.withUnsafeMutableBytes { bytes, initialized throws(SocketError) in
            let free = UnsafeMutableRawBufferPointer(rebasing: bytes[initialized...])
            let count = try receive(free, deadline, [])
            initialized += count
            return count
        }
    }

    /// Receives and returns at most `count` bytes, or an empty array at the end of a stream; see
    /// ``receive(into:timeout:)-(MutableRawSpan,_)``.
    ///
    /// ```swift
    /// let bytes = try socket.receive(atMost: 512, timeout: .seconds(10))
    /// ```
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes to receive; by default 65,536 on a stream, and the
    ///     whole datagram on other sockets.
    ///   - timeout: The maximum time to wait. A timeout does not undo earlier reads. If a message
    ///     takes two reads and the second one times out, keep the bytes from the first.
    /// - Returns: The bytes.
    /// - Throws: The errors of ``receive(into:timeout:)-(MutableRawSpan,_)``.
    public func receive(
        atMost count: Int? = nil, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        var bytes: [UInt8] = []
        _ = try receive(appendingTo: &bytes, atMost: count, timeout: timeout)
        return bytes
    }

    /// Receives at most `count` bytes, appends them to an array and returns their number; see
    /// ``receive(into:timeout:)-(MutableRawSpan,_)``.
    ///
    /// - Parameters:
    ///   - bytes: The array to append to.
    ///   - count: The maximum number of bytes to receive; by default 65,536 on a stream, and the
    ///     whole datagram on other sockets.
    ///   - timeout: The maximum time to wait. A timeout does not undo earlier reads. If a message
    ///     takes two reads and the second one times out, keep the bytes from the first.
    /// - Returns: The number of bytes, or 0 at the end of a stream.
    /// - Throws: The errors of ``receive(into:timeout:)-(MutableRawSpan,_)``.
    public func receive(
        appendingTo bytes: inout [UInt8], atMost count: Int? = nil, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        let deadline = Deadline(startingNow: timeout)
        let room = if let count { count } else { try usualRoom(deadline) }
        return try bytes.append(atMost: room) { free throws(SocketError) in
            try receive(free, deadline, [])
        }
    }

    /// Returns the available bytes and leaves them in the receive queue: recv(2) with `MSG_PEEK`.
    ///
    /// The call waits until there is at least one byte. At the end of a stream, the array is empty.
    /// The call blocks the thread.
    ///
    /// - Parameters:
    ///   - count: The maximum number of bytes to return; by default 65,536 on a stream, and the
    ///     whole datagram on other sockets.
    ///   - timeout: The maximum time to wait.
    /// - Returns: The bytes.
    /// - Throws: The errors of ``receive(into:timeout:)-(MutableRawSpan,_)``.
    public func peek(
        atMost count: Int? = nil, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        let deadline = Deadline(startingNow: timeout)
        var bytes: [UInt8] = []
        let room = if let count { count } else { try usualRoom(deadline) }
        _ = try bytes.append(atMost: room) { free throws(SocketError) in
            try receive(free, deadline, .peek)
        }
        return bytes
    }

    @inline(__always)
    func receive(
        _ buffer: UnsafeMutableRawBufferPointer, _ deadline: Deadline, _ flags: TransferFlags,
        isFirst: Bool = true
    ) throws(SocketError) -> Int {
        // Return 0 for an empty buffer, because the kernel would return 0 on a TCP stream but wait
        // on a Unix stream.
        if _slowPath(buffer.isEmpty), type == .stream, !isClosed { return 0 }
        if _slowPath(tlsReference.isCreated) {
            return try receiveDecrypted(buffer, deadline, flags, isFirst: isFirst)
        }
        return try perform(.receive, .receiving, .inKernel, deadline, isFirst: isFirst) {
            descriptor, waiting throws(Errno) in
            let count = try System.recv(descriptor, buffer, waiting.union(flags))
            if _slowPath(count == 0) { try checkEnd(of: descriptor) }
            return count
        }
    }

    /// Throws the error that broke the connection, if the kernel reported it to another call.
    @inline(never)
    func checkEnd(of descriptor: Int32) throws(Errno) {
        if let error = connectionError?.atEnd(of: descriptor) { throw error }
    }
}

extension [UInt8] {
    /// Appends at most `count` bytes.
    ///
    /// `body` writes the bytes and returns their number.
    ///
    /// The memory is limited to the size that one call can fill, because `count` may be `Int.max`.
    mutating func append<Failure: Error>(
        atMost count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> Int {
        let count = Swift.min(Swift.max(0, count), 1 << 24)
        var written = 0
        try append(addingCapacity: count) { output throws(Failure) in
            try output.withUnsafeMutableBufferPointer { free, initialized throws(Failure) in
                let free = UnsafeMutableRawBufferPointer(free).prefix(count)
                written = try body(UnsafeMutableRawBufferPointer(rebasing: free))
                initialized += written
            }
        }
        return written
    }
}
