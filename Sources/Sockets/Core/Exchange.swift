internal import SystemPackage

/// A request that is written while its reply is read, so that no sizes can make both ends wait for
/// each other. Threads and tasks differ only in how they wait when it can do neither.
struct Exchange {
    /// What one step came to.
    enum Step {
        /// Bytes moved, and more may at once.
        case moved
        /// Nothing can be done until the descriptor is ready for one of these.
        case blocked(sends: Bool, receives: Bool)
        case finished(Reply)
        case failed(SocketError.Cause, bytesTransferred: Int, partialBytes: [UInt8])
    }

    private let requestCount: Int
    /// `.toEnd` also ends the request by a half-close.
    private let framing: Framing
    /// Whether what comes after the reply can be kept for later.
    private let keepsSurplus: Bool
    private var sent = 0
    private var hasEnded = false
    private var sendFailure: Errno?
    private var reply: [UInt8]?
    private var scanned = 0

    init(_ requestCount: Int, _ framing: Framing, keepsSurplus: Bool) {
        self.requestCount = requestCount
        self.framing = framing
        self.keepsSurplus = keepsSurplus
    }

    /// The request went out in part, so that nothing can follow it.
    var isIncomplete: Bool { sent > 0 && unsent > 0 }

    /// How many bytes of the request went.
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
            // What the peer sent before it broke the connection has been read by now. It need not
            // be whole, unless the peer broke off because of what we still had to send.
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

    /// Whether what has come is enough, or never will be.
    private mutating func conclude(
        _ input: inout ByteBuffer, _ scanner: inout LineScanner, isAtEnd: Bool
    ) -> Step? {
        if reply == nil {
            switch take(&input, &scanner, isAtEnd: isAtEnd) {
            case .part(let bytes): reply = bytes
            case .more: break
            case .refused(let cause):
                return .failed(cause, bytesTransferred: sent, partialBytes: [])
            }
        }
        // A peer may answer, or end its half, before it has read everything.
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

    private mutating func take(
        _ input: inout ByteBuffer, _ scanner: inout LineScanner, isAtEnd: Bool
    ) -> ParseResult<[UInt8]> {
        switch framing {
        case .toEnd(let limit):
            if input.count > limit { return .refused(.tooLarge(limit: limit)) }
            return isAtEnd ? .part(input.take(input.count)) : .more
        case .exactly(let count):
            return input.count < count ? .more : .part(input.take(max(0, count)))
        case .until(let byte):
            let part = input.take(upTo: byte, limit: scanner.limit, scanned: &scanned)
            guard case .more = part, isAtEnd, !input.isEmpty else { return part }
            return .part(input.take(input.count))
        case .line:
            var line = input.takeLine(&scanner)
            if case .more = line, isAtEnd { line = input.takeLastLine(&scanner) }
            switch line {
            case .part(let line): return .part([UInt8](line))
            case .more: return .more
            case .refused(let cause): return .refused(cause)
            }
        }
    }

    /// A peer who has gone, or whom the kernel has given up (ETIMEDOUT), may have answered before,
    /// which is found out by reading on, and that comes to an end. After any other failure, e.g.
    /// where a firewall forbids to send, he is there, and waits for the rest of the request: both
    /// would wait without end.
    private static let endsOfPeer: [Errno] = [
        .brokenPipe, .connectionReset, .socketNotConnected, .timedOut,
    ]

    /// Sends once; false if the kernel takes nothing.
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

    /// What follows the reply is read while there is room, because the peer may have to get rid of it
    /// before it reads the rest of the request.
    private func receives(into input: borrowing ByteBuffer) -> Bool {
        reply == nil || (keepsSurplus && input.usualRoom > 0)
    }

    /// Receives once; false if there is nothing.
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

    /// How many of the bytes that wait in the kernel belong to the reply.
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
        // At the end of the stream one byte is asked for, and none comes.
        return System.memchr(end, in: bytes).map { $0 + 1 } ?? max(1, waiting)
    }
}
