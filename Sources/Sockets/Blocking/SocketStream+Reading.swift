// Reads of a wished size.
extension SocketStream {
    /// Reads what has come, at least one byte and at most `count`; empty at the end of the stream.
    ///
    /// A count of zero gives an empty array at once.
    ///
    /// - Throws: as `Socket.receive`; what was received before stays in the stream.
    public func read(
        atMost count: Int = 65536, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        var deadline = Deadline(timeout)
        scanner.stopSkipping()
        while input.isEmpty, count > 0 {
            guard try fill(&deadline) else { return [] }
        }
        return input.take(min(max(0, count), input.count))
    }

    /// Reads exactly `count` bytes, waiting until all have come.
    ///
    /// After a time-out the bytes that had come are still in the stream.
    ///
    /// - Throws: `.endOfStream` if the stream ends before; `partialBytes` of the error are those
    ///   that came. As `Socket.receive`.
    public func readExactly(
        _ count: Int, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        var deadline = Deadline(timeout)
        scanner.stopSkipping()
        while input.count < count {
            guard try fill(&deadline) else {
                let partial = input.take(input.count)
                throw SocketError(
                    .read, .endOfStream, localAddress: socket.localAddress,
                    remoteAddress: socket.remoteAddress, bytesTransferred: partial.count,
                    partialBytes: partial)
            }
        }
        return input.take(max(0, count))
    }

    /// Reads up to and with the first such byte; nil at the end of the stream.
    ///
    /// If the stream ends before the byte comes, what did come is returned without it.
    ///
    /// - Parameters:
    ///   - byte: the byte that ends a part.
    ///   - limit: the longest part, in bytes with its end; the stream's line limit if nil.
    /// - Throws: `.tooLarge` if the byte is not among the first `limit`, which are still there to
    ///   be read in another way. As `Socket.receive`.
    public func readUntil(
        _ byte: UInt8, limit: Int? = nil, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8]? {
        var deadline = Deadline(timeout)
        scanner.stopSkipping()
        let most = limit ?? scanner.limit
        var scanned = 0
        while true {
            switch input.take(upTo: byte, limit: most, scanned: &scanned) {
            case .part(let part): return part
            case .refused(let cause): throw failure(.read, cause)
            case .more: break
            }
            guard try fill(&deadline) else {
                return input.isEmpty ? nil : input.take(input.count)
            }
        }
    }

    /// Reads everything until the peer ends the stream; empty if nothing comes.
    ///
    /// - Parameter limit: how many bytes are accepted, 16 MiB unless told otherwise.
    /// - Throws: `.tooLarge` when more have come, which are still there to be read in another way.
    ///   As `Socket.receive`.
    public func readToEnd(
        limit: Int = 16 << 20, timeout: TimeLimit = .never
    ) throws(SocketError) -> [UInt8] {
        var deadline = Deadline(timeout)
        scanner.stopSkipping()
        repeat {
            if input.count > limit { throw failure(.read, .tooLarge(limit: limit)) }
        } while try fill(&deadline)
        return input.take(input.count)
    }

    /// Receives once; false at the end of the stream.
    func fill(_ deadline: inout Deadline) throws(SocketError) -> Bool {
        try requireStream(.read)
        if isLending {
            throw failure(
                .read, .invalidInput("a read inside withLine: expected none until its closure ends")
            )
        }
        if isAtEnd { return false }
        let isFirst = deadline.startIfNeeded()
        // The peer may be waiting for it: both would wait for ever.
        if !output.isEmpty { try flush(deadline, isFirst: isFirst) }
        let room = input.roomToFill
        let count: Int
        do throws(SocketError) {
            count = try socket.receive(room, deadline, [], isFirst: isFirst)
        } catch {
            throw error.attributed(to: .read, received: input.count)
        }
        input.written(count)
        isAtEnd = count == 0
        return count > 0
    }
}
