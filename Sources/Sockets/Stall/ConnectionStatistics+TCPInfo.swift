extension ConnectionStatistics {
    /// Applies the kernel's `struct tcp_info`, given as bytes of any length.
    ///
    /// New kernel versions only append fields to the structure, so the number of bytes determines
    /// which fields exist. An incomplete field is nil. Fields are read by offset, because the C
    /// library declares the structure of 2006. getsockopt(2) and netlink's `INET_DIAG_INFO` return
    /// the same bytes.
    package mutating func apply(tcpInfo bytes: [UInt8]) {
        let info = TCPInfo(bytes: bytes)
        state = info.byte(at: 0).flatMap { State(rawValue: UInt8(clamping: $0)) }
        sendSegmentSize = info.word(at: 16)
        receiveSegmentSize = info.word(at: 20)
        timeSinceLastReceive = age(info, at: 52, segments: 152)
        roundTripTime = info.microseconds(at: 68)
        retransmissionTimeout = info.microseconds(at: 8)
        bytesReceived = info.long(at: 128)
        receiveWindow = info.word(at: 232)

        // On a listening socket, some of the remaining fields describe the accept queue, so ignore
        // them.
        guard state != .listen else { return }
        retransmissions = info.byte(at: 2)
        probes = info.byte(at: 3)
        backoff = info.byte(at: 4)
        unacknowledgedSegments = info.word(at: 24)
        timeSinceLastSend = age(info, at: 44, segments: 156)
        timeSinceLastAcknowledgement = age(info, at: 56, segments: 152)
        totalRetransmissions = info.word(at: 100)
        bytesAcknowledged = info.long(at: 120)
        notSent = info.word(at: 144)
        busyTime = info.longMicroseconds(at: 168)
        receiveWindowLimitedTime = info.longMicroseconds(at: 176)
        sendBufferLimitedTime = info.longMicroseconds(at: 184)
        sendWindow = info.word(at: 228)
    }

    /// Returns the time since an event, or nil if the event has not happened yet.
    ///
    /// The kernel sets the time of each event when the connection is established. On a socket that
    /// was never connected, the kernel's number counts from the start of the machine instead. So in
    /// a state without a connection, the number is valid only if data was transferred before.
    ///
    /// `offset` is the offset of the time, and `segments` is the offset of the number of data segments
    /// that caused such events.
    private func age(_ info: TCPInfo, at offset: Int, segments: Int) -> Duration? {
        switch state {
        case .synSent, .listen, .closed:
            guard let count = info.word(at: segments), count > 0 else { return nil }
        default: break
        }
        return info.milliseconds(at: offset)
    }
}

/// A reader of `struct tcp_info` fields by byte offset (linux/tcp.h).
///
/// A field beyond the end of the bytes is nil.
private struct TCPInfo {
    let bytes: [UInt8]

    func byte(at offset: Int) -> Int? { offset < bytes.count ? Int(bytes[offset]) : nil }

    func word(at offset: Int) -> Int? { number(at: offset, UInt32.self).map { Int($0) } }

    func long(at offset: Int) -> Int? { number(at: offset, UInt64.self).map { Int(clamping: $0) } }

    func milliseconds(at offset: Int) -> Duration? { word(at: offset).map { .milliseconds($0) } }

    func microseconds(at offset: Int) -> Duration? { word(at: offset).map { .microseconds($0) } }

    func longMicroseconds(at offset: Int) -> Duration? {
        long(at: offset).map { Duration.microseconds($0).clamped }
    }

    /// Returns the number at a byte offset, in the byte order of the machine.
    private func number<Number: FixedWidthInteger>(at offset: Int, _: Number.Type) -> Number? {
        let size = Number.bitWidth / 8
        guard offset + size <= bytes.count else { return nil }
        let value = bytes[offset..<offset + size].reversed().reduce(Number.zero) {
            $0 << 8 | Number($1)
        }
        return Number(littleEndian: value)
    }
}
