internal import SystemPackage

/// Sends a request while it receives the reply, so that no combination of sizes can deadlock.
///
/// This type never waits. If it can neither send nor receive, its blocking or async caller waits.
struct Exchange {
    /// The outcome of one step.
    enum Step {
        /// The step made progress, so take the next step without waiting.
        case moved
        /// The step made no progress, so wait until the descriptor is ready to send or to receive,
        /// as indicated.
        case blocked(sends: Bool, receives: Bool)
        case finished(Reply)
        case failed(SocketError.Cause, bytesTransferred: Int, partialBytes: [UInt8])
    }

    private let requestCount: Int
    /// The framing of the reply.
    ///
    /// With `.toEnd`, a half-close ends the request.
    private let framing: Framing
    /// A Boolean value that indicates whether bytes after the reply can be kept for a later read.
    private let keepsSurplus: Bool
    /// The layer that encrypts the connection, or `nil` if the connection is not encrypted.
    private let encryption: (any EncryptedStream)?
    private var sent = 0
    private var hasEnded = false
    private var sendFailure: Errno?
    /// A Boolean value that indicates whether receiving failed, so nothing more can be received.
    private var hasBroken = false
    private var reply: [UInt8]?
    private var parser: MessageParser

    init(
        _ requestCount: Int, _ framing: Framing, delimitedLimit: Int, keepsSurplus: Bool,
        encryption: (any EncryptedStream)? = nil
    ) {
        self.encryption = encryption
        self.requestCount = requestCount
        self.framing = framing
        parser = MessageParser(framing, delimitedLimit: delimitedLimit)
        self.keepsSurplus = keepsSurplus
    }

    /// A Boolean value that indicates whether only a part of the request was sent, so another
    /// request must not follow it.
    var isIncomplete: Bool { sent > 0 && unsent > 0 }

    /// The number of request bytes that were sent.
    var bytesTransferred: Int { sent }

    private var unsent: Int { requestCount - sent }
    private var sends: Bool {
        sendFailure == nil && (unsent > 0 || endsRequest || encryption?.hasUnsent ?? false)
    }
    private var endsRequest: Bool {
        if case .toEnd = framing { !hasEnded } else { false }
    }

    /// Sends and receives once, without waiting.
    mutating func step(
        _ descriptor: Int32, _ request: UnsafeRawBufferPointer, _ input: inout ByteBuffer,
        _ scanner: inout LineScanner,
        isAtEnd: inout Bool, _ connectionError: ConnectionError?
    ) -> Step {
        if let step = conclude(&input, &scanner, isAtEnd: isAtEnd) { return step }
        let hasSent = sends && send(descriptor, request, connectionError)
        var hasReceived = false
        do throws(Errno) {
            if !isAtEnd, !hasBroken, receives(into: input) {
                hasReceived = try receive(descriptor, &input, &isAtEnd, connectionError)
            }
        } catch {
            // Receive nothing more, because all bytes that arrived before this error have been
            // read.
            connectionError?.note(error)
            sendFailure = error
            hasBroken = true
            return .moved
        }
        if hasSent || hasReceived { return .moved }
        // Report a failed send only after all available bytes were read, because they may contain
        // the reply. After `EPIPE`, wait for the reply, because a peer that no longer receives may
        // still send. After another error, such as a rejection by a firewall, waiting could
        // deadlock, because the peer may be waiting for the unsent bytes.
        if let sendFailure, sendFailure != .brokenPipe {
            return fail(.system(sendFailure), &input, &scanner)
        }
        return .blocked(sends: sends, receives: !isAtEnd && receives(into: input))
    }

    /// Returns the last step if the reply is complete or cannot become complete.
    private mutating func conclude(
        _ input: inout ByteBuffer, _ scanner: inout LineScanner, isAtEnd: Bool
    ) -> Step? {
        if reply == nil {
            switch parser.next(&input, &scanner, isAtEnd: endsReply(isAtEnd: isAtEnd)) {
            case .message(let bytes): reply = bytes
            case .needsMore: break
            case .failed(let cause):
                return .failed(cause, bytesTransferred: sent, partialBytes: [])
            }
        }
        // Finish sending first, because a peer may reply or half-close before it has read the whole
        // request.
        guard !sends else { return nil }
        if let reply, sendFailure == nil || hasReceivedReply {
            return .finished(Reply(bytes: reply, unsentRequestBytes: unsent))
        }
        guard isAtEnd || hasBroken else { return nil }
        return fail(sendFailure.map { .system($0) } ?? .endOfStream, &input, &scanner)
    }

    /// A Boolean value that indicates whether the peer has sent the complete reply.
    ///
    /// Even an empty line or an empty frame takes bytes from the peer. With the framings `exactly`
    /// and `toEnd`, a reply of zero bytes is complete without any byte from the peer, so it must
    /// not hide a failed send.
    private var hasReceivedReply: Bool {
        switch framing {
        case .exactly, .toEnd: !(reply ?? []).isEmpty
        case .line, .until, .frame: reply != nil
        }
    }

    /// Returns whether EOF completes the reply.
    ///
    /// Only a reply with the framing `.toEnd` is completed by EOF. A reset completes no reply,
    /// because it may have discarded bytes that the peer had sent.
    private func endsReply(isAtEnd: Bool) -> Bool {
        guard case .toEnd = framing else { return false }
        return isAtEnd
    }

    /// Returns the last step of an exchange that failed, with the received part of the reply.
    private func fail(
        _ cause: SocketError.Cause, _ input: inout ByteBuffer, _ scanner: inout LineScanner
    ) -> Step {
        let partial = input.take(input.count)
        scanner.restart()
        return .failed(cause, bytesTransferred: sent, partialBytes: partial)
    }

    /// Sends once without waiting.
    ///
    /// Returns `false` if the send buffer is full.
    private mutating func send(
        _ descriptor: Int32, _ request: UnsafeRawBufferPointer,
        _ connectionError: ConnectionError?
    ) -> Bool {
        connectionError?.beginTaking()
        defer { connectionError?.endTaking() }
        do throws(Errno) {
            if unsent > 0 {
                let rest = request[sent...].prefix(System.mostAtOnce)
                let bytes = UnsafeRawBufferPointer(rebasing: rest)
                if let encryption {
                    sent += try encryption.sendAtOnce(descriptor, bytes)
                } else {
                    sent += try System.send(descriptor, bytes, .dontWait)
                }
            } else if let encryption {
                guard try encryption.flush(descriptor) else { return false }
            }
            if unsent == 0, endsRequest {
                try encryption?.end(descriptor)
                hasEnded = true
                try System.shutdown(descriptor, .write)
            }
            return true
        } catch .wouldBlock {
            return false
        } catch .interrupted {
            return true
        } catch {
            connectionError?.note(error)
            sendFailure = error
            return true
        }
    }

    /// Returns whether to receive more bytes.
    ///
    /// The exchange receives beyond the end of the reply while the buffer has space, because the
    /// peer may have to send those bytes before it reads the rest of the request.
    private func receives(into input: borrowing ByteBuffer) -> Bool {
        reply == nil || (keepsSurplus && input.usualRoom > 0)
    }

    /// Receives once without waiting.
    ///
    /// Returns `false` if no bytes are available.
    private func receive(
        _ descriptor: Int32, _ input: inout ByteBuffer, _ isAtEnd: inout Bool,
        _ connectionError: ConnectionError?
    ) throws(Errno) -> Bool {
        let room = input.roomToFill
        do throws(Errno) {
            let wished = keepsSurplus ? room.count : try share(descriptor, room, input.bytes)
            let free = UnsafeMutableRawBufferPointer(rebasing: room[..<wished])
            guard let count = try receive(descriptor, free, []) else { return true }
            if count == 0, let error = connectionError?.atEnd(of: descriptor) { throw error }
            input.written(count)
            isAtEnd = count == 0
            return true
        } catch .wouldBlock {
            return false
        } catch .interrupted {
            return true
        }
    }

    /// Receives once without waiting.
    ///
    /// Returns `nil` if the received bytes contain nothing for the program.
    private func receive(
        _ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer, _ flags: TransferFlags
    ) throws(Errno) -> Int? {
        if let encryption {
            return try encryption.receiveAtOnce(
                descriptor, into: room, peeking: flags.contains(.peek))
        }
        return try System.recv(descriptor, room, flags.union(.dontWait))
    }

    /// Returns how many bytes can be received without reading beyond the reply.
    ///
    /// `received` contains the bytes of the reply that have already arrived.
    private func share(
        _ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer,
        _ received: UnsafeRawBufferPointer
    ) throws(Errno) -> Int {
        let delimiter: [UInt8]
        switch framing {
        case .toEnd: return room.count
        case .exactly(let wished): return min(room.count, wished - received.count)
        case .frame(let length):
            let size =
                if case .message(let size) = length.size(of: received) { size } else {
                    length.width
                }
            return min(room.count, size - received.count)
        case .line: delimiter = [UInt8(ascii: "\n")]
        case .until(let bytes): delimiter = bytes
        }
        guard let waiting = try receive(descriptor, room, .peek) else { throw .interrupted }
        let bytes = UnsafeRawBufferPointer(rebasing: room[..<waiting])
        // The delimiter may begin in the bytes that were already received.
        let start = received.suffix(delimiter.count - 1)
        let end =
            start.isEmpty
            ? Framing.end(of: delimiter, in: bytes, searched: 0)
            : (Array(start) + bytes).withUnsafeBytes {
                Framing.end(of: delimiter, in: $0, searched: start.count)
            }
        // Request at least one byte, because receiving zero bytes cannot detect the end of the
        // stream.
        return end.map { $0 - start.count } ?? max(1, waiting)
    }
}
