extension ConnectionStatistics {
    /// Applies the bytes of a kernel's `struct tcp_info`, whatever their number.
    ///
    /// The structure only ever grew at its end, so the number of bytes decides which fields exist; a
    /// field that is incomplete is nil. Fields are read by their offsets, because the C library
    /// declares the structure as it was in 2006. getsockopt(2) and netlink's `INET_DIAG_INFO` give the
    /// same bytes.
    package mutating func apply(tcpInfo bytes: [UInt8]) {
        let info = TCPInfo(bytes: bytes)
        state = info.byte(at: 0).flatMap { State(rawValue: UInt8(clamping: $0)) }
        sendSegmentSize = info.word(at: 16)
        receiveSegmentSize = info.word(at: 20)
        timeSinceLastReceive = info.milliseconds(at: 52)
        roundTripTime = info.microseconds(at: 68)
        retransmissionTimeout = info.microseconds(at: 8)
        bytesReceived = info.long(at: 128)
        receiveWindow = info.word(at: 232)

        // On a listening socket, the remaining fields hold the lengths of its accept queue.
        guard state != .listen else { return }
        retransmissions = info.byte(at: 2)
        probes = info.byte(at: 3)
        backoff = info.byte(at: 4)
        unacknowledgedSegments = info.word(at: 24)
        timeSinceLastSend = info.milliseconds(at: 44)
        timeSinceLastAcknowledgement = info.milliseconds(at: 56)
        totalRetransmissions = info.word(at: 100)
        bytesAcknowledged = info.long(at: 120)
        notSent = info.word(at: 144)
        busyTime = info.longMicroseconds(at: 168)
        receiveWindowLimitedTime = info.longMicroseconds(at: 176)
        sendBufferLimitedTime = info.longMicroseconds(at: 184)
        sendWindow = info.word(at: 228)
    }
}

/// The fields of the kernel's `struct tcp_info` by their offsets in bytes (linux/tcp.h); nil beyond the
/// end of the bytes.
private struct TCPInfo {
    let bytes: [UInt8]

    func byte(at offset: Int) -> Int? {
        offset < bytes.count ? Int(bytes[offset]) : nil
    }

    func word(at offset: Int) -> Int? {
        number(at: offset, UInt32.self).map { Int($0) }
    }

    func long(at offset: Int) -> Int? {
        number(at: offset, UInt64.self).map { Int(clamping: $0) }
    }

    func milliseconds(at offset: Int) -> Duration? {
        word(at: offset).map { .milliseconds($0) }
    }

    func microseconds(at offset: Int) -> Duration? {
        word(at: offset).map { .microseconds($0) }
    }

    func longMicroseconds(at offset: Int) -> Duration? {
        long(at: offset).map { Duration.microseconds($0).clamped }
    }

    /// The kernel writes numbers in the machine's own order.
    private func number<Number: FixedWidthInteger>(at offset: Int, _: Number.Type) -> Number? {
        let size = Number.bitWidth / 8
        guard offset + size <= bytes.count else { return nil }
        let value = bytes[offset..<offset + size].reversed().reduce(Number.zero) {
            $0 << 8 | Number($1)
        }
        return Number(littleEndian: value)
    }
}
