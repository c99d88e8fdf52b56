internal import SystemPackage

/// Sends a request while it receives the reply, so that no combination of sizes can deadlock.
///
/// This type never waits itself. When it can neither send nor receive, the blocking or async code
/// that drives it waits.
struct Exchange {
    /// The outcome of one step.
    enum Step {
        /// Bytes were transferred, and more may be at once.
        case moved
        /// The descriptor must become ready for one of these.
        case blocked(sends: Bool, receives: Bool)
        case finished(Reply)
        case failed(SocketError.Cause, bytesTransferred: Int, partialBytes: [UInt8])
    }

    private let requestCount: Int
    /// `.toEnd` also ends the request by a half-close.
    private let framing: Framing
    /// Whether bytes after the reply can be kept for a later read.
    private let keepsSurplus: Bool
    private var sent = 0
    private var hasEnded = false
    private var sendFailure: Errno?
    private var reply: [UInt8]?
    private var parser: MessageParser

    init(_ requestCount: Int, _ framing: Framing, delimitedLimit: Int, keepsSurplus: Bool) {
        self.requestCount = requestCount
        self.framing = framing
        parser = MessageParser(framing, delimitedLimit: delimitedLimit)
        self.keepsSurplus = keepsSurplus
    }

    /// Whether only a part of the request was sent, so that nothing can follow it.
    var isIncomplete: Bool { sent > 0 && unsent > 0 }

    /// The number of request bytes that were sent.
    var bytesTransferred: Int { sent }

    private var unsent: Int { requestCount - sent }
    private var sends: Bool { sendFailure == nil && (unsent > 0 || endsRequest) }
    private var endsRequest: Bool {
        if case .toEnd = framing { !hasEnded } else { false }
    }

    /// Sends and receives once, without waiting.
    mutating func step(
        _ descriptor: Int32, _ request: UnsafeRawBufferPointer, _ input: inout ByteBuffer,
        _ scanner: inout LineScanner,
        isAtEnd: inout Bool
    ) -> Step {
        if let step = conclude(&input, &scanner, isAtEnd: isAtEnd) { return step }
        let hasSent = sends && send(descriptor, request)
        if let sendFailure, !Self.endsOfPeer.contains(sendFailure) {
            return .failed(
                .system(sendFailure), bytesTransferred: sent, partialBytes: input.take(input.count))
        }
        var hasReceived = false
        do throws(Errno) {
            if !isAtEnd, receives(into: input) {
                hasReceived = try receive(descriptor, &input, &isAtEnd)
            }
        } catch {
            // Everything that the peer sent before the reset has been read by now. It may be
            // incomplete, unless the peer reset the connection because of bytes that were not sent
            // yet.
            if sends { sendFailure = error }
            guard sendFailure != nil else {
                return .failed(
                    .system(error), bytesTransferred: sent, partialBytes: input.take(input.count))
            }
            isAtEnd = true
            return .moved
        }
        if hasSent || hasReceived { return .moved }
        return .blocked(sends: sends, receives: !isAtEnd && receives(into: input))
    }

    /// Returns the last step if the reply is complete or cannot become complete.
    private mutating func conclude(
        _ input: inout ByteBuffer, _ scanner: inout LineScanner, isAtEnd: Bool
    ) -> Step? {
        if reply == nil {
            switch parser.next(&input, &scanner, isAtEnd: isAtEnd) {
            case .message(let bytes): reply = bytes
            case .needsMore: break
            case .failed(let cause):
                return .failed(cause, bytesTransferred: sent, partialBytes: [])
            }
        }
        // A peer may reply, or half-close, before it has read the whole request.
        guard !sends else { return nil }
        if let reply, sendFailure == nil || !reply.isEmpty {
            return .finished(Reply(bytes: reply, unsentRequestBytes: unsent))
        }
        guard isAtEnd else { return nil }
        if let sendFailure {
            return .failed(
                .system(sendFailure), bytesTransferred: sent, partialBytes: input.take(input.count))
        }
        return .failed(.endOfStream, bytesTransferred: sent, partialBytes: input.take(input.count))
    }

    /// After these errors the peer is gone, or the kernel has given it up (`ETIMEDOUT`).
    ///
    /// It may have replied before, so reading continues, and ends. After any other error, such as a
    /// firewall that forbids to send, the peer still waits for the rest of the request, so reading
    /// on would be a deadlock.
    private static let endsOfPeer: [Errno] = [
        .brokenPipe, .connectionReset, .socketNotConnected, .timedOut,
    ]

    /// Sends once.
    ///
    /// Returns `false` if the kernel accepts nothing.
    private mutating func send(
        _ descriptor: Int32, _ request: UnsafeRawBufferPointer
    ) -> Bool {
        do throws(Errno) {
            if unsent > 0 {
                let rest = request[sent...].prefix(System.mostAtOnce)
                sent += try System.send(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest), .dontWait)
            }
            if unsent == 0, endsRequest {
                hasEnded = true
                try System.shutdown(descriptor, .writing)
            }
            return true
        } catch .wouldBlock {
            return false
        } catch .interrupted {
            return true
        } catch {
            sendFailure = error
            return true
        }
    }

    /// Whether to receive.
    ///
    /// Bytes after the reply are received while there is room, because the peer may have to send
    /// them before it reads the rest of the request.
    private func receives(into input: borrowing ByteBuffer) -> Bool {
        reply == nil || (keepsSurplus && input.usualRoom > 0)
    }

    /// Receives once.
    ///
    /// Returns `false` if no bytes are available.
    private func receive(
        _ descriptor: Int32, _ input: inout ByteBuffer, _ isAtEnd: inout Bool
    ) throws(Errno) -> Bool {
        let room = input.roomToFill
        do throws(Errno) {
            let wished = keepsSurplus ? room.count : try share(descriptor, room, input.count)
            let count = try System.recv(
                descriptor, UnsafeMutableRawBufferPointer(rebasing: room[..<wished]), .dontWait)
            input.written(count)
            isAtEnd = count == 0
            return true
        } catch .wouldBlock {
            return false
        } catch .interrupted {
            return true
        }
    }

    /// Returns how many of the bytes in the receive queue belong to the reply.
    private func share(
        _ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer, _ count: Int
    ) throws(Errno) -> Int {
        let end: UInt8
        switch framing {
        case .toEnd: return room.count
        case .exactly(let wished): return min(room.count, wished - count)
        case .line: end = UInt8(ascii: "\n")
        case .until(let byte): end = byte
        }
        let waiting = try System.recv(descriptor, room, [.dontWait, .peek])
        let bytes = UnsafeRawBufferPointer(rebasing: room[..<waiting])
        // Asks for at least one byte, because receiving zero bytes cannot detect the end of the stream.
        return System.memchr(end, in: bytes).map { $0 + 1 } ?? max(1, waiting)
    }
}
