internal import SystemPackage

// Receiving on connected sockets.
extension Socket {
    /// Receives what has come, waiting until there is something: recv(2).
    ///
    /// Returns the number of bytes that were put at the beginning of `buffer`. 0 says that the peer
    /// has ended its half of a stream; on a datagram socket it is an empty datagram, and what of a
    /// datagram does not fit is lost (`receiveFrom` tells so). An empty buffer gives 0 at once on a
    /// stream.
    ///
    /// - Throws: `.system`: `.connectionReset`, `.connectionRefused` (a datagram sent before found
    ///   nobody), `.socketNotConnected`; `.timedOut`, which loses nothing; `.closed`.
    public func receive(
        into buffer: inout MutableRawSpan, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        try buffer.withUnsafeMutableBytes { bytes throws(SocketError) in
            try receive(bytes, Deadline(startingNow: timeout), [])
        }
    }

    /// Receives into the free part of `buffer`; see `receive(into: MutableRawSpan, timeout:)`.
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

    /// Receives at most `count` bytes as an array, which is empty at the end of a stream; see
    /// `receive(into: MutableRawSpan, timeout:)`.
    public func receive(
        atMost count: Int = 65536, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        var bytes: [UInt8] = []
        _ = try receive(appendingTo: &bytes, atMost: count, timeout: timeout)
        return bytes
    }

    /// Receives at most `count` bytes to the end of an array and returns their number; see
    /// `receive(into: MutableRawSpan, timeout:)`.
    public func receive(
        appendingTo bytes: inout [UInt8], atMost count: Int = 65536, timeout: TimeLimit = .never
    ) throws(SocketError) -> Int {
        let deadline = Deadline(startingNow: timeout)
        return try bytes.append(atMost: count) { free throws(SocketError) in
            try receive(free, deadline, [])
        }
    }

    /// Looks at what would be received, and leaves it there: recv(2) with `MSG_PEEK`.
    ///
    /// Waits until there is something; empty at the end of a stream.
    ///
    /// - Throws: as `receive`.
    public func peek(
        atMost count: Int = 65536, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        let deadline = Deadline(startingNow: timeout)
        var bytes: [UInt8] = []
        _ = try bytes.append(atMost: count) { free throws(SocketError) in
            try receive(free, deadline, .peek)
        }
        return bytes
    }

    @inline(__always)
    func receive(
        _ buffer: UnsafeMutableRawBufferPointer, _ deadline: Deadline, _ flags: TransferFlags,
        isFirst: Bool = true
    ) throws(SocketError) -> Int {
        // The kernel would wait on a Unix stream, and say 0 on a TCP one.
        if _slowPath(buffer.isEmpty), type == .stream, !isClosed { return 0 }
        return try perform(.receive, .receiving, .inKernel, deadline, isFirst: isFirst) {
            descriptor, waiting throws(Errno) in
            try System.recv(descriptor, buffer, waiting.union(flags))
        }
    }
}

extension [UInt8] {
    /// Makes room for `count` bytes at the end, and keeps as many as `body` says it has written.
    ///
    /// No more room than one call can fill: "as much as there is" must not ask for all memory.
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
