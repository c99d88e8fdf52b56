internal import SystemPackage

/// What a join must know about one of its connections.
struct JoinEnd {
    let descriptor: Int32
    let family: AddressFamily
    /// The layer that encrypts the connection, or `nil` if the connection is not encrypted.
    let encryption: (any EncryptedStream)?
    let connectionError: ConnectionError?
}

/// One direction of a join: it moves bytes from an origin connection to a destination connection.
///
/// This type never waits. If it can move nothing, its blocking or async caller waits.
///
/// Small amounts of bytes are copied, because that costs less. Large amounts are spliced through a
/// pipe. The number of bytes that the last step received decides between the two. The direction
/// reads more from the origin only after the destination has accepted all earlier bytes, so a
/// destination that does not read stops the origin.
struct JoinDirection: ~Copyable {
    /// A connection of the direction.
    enum Side {
        case origin, destination
    }

    /// The outcome of one step.
    enum Step {
        /// The step made progress.
        ///
        /// If `isDrained` is true, the origin has no more bytes, so wait for it. Otherwise take the
        /// next step without waiting.
        case moved(isDrained: Bool)
        /// The step made no progress, so wait until this connection is ready.
        case blocked(Side)
        /// The origin has ended the stream, and the destination has accepted all bytes.
        ///
        /// The caller must now shut down the destination.
        case ended
        /// A call on this connection failed.
        case failed(Errno, Side)
    }

    private let origin: JoinEnd
    private let destination: JoinEnd
    private var path = SplicePath()
    private var maySplice: Bool
    /// A Boolean value that indicates whether so many bytes arrive that splicing is worthwhile.
    private var isBulk = false
    /// The number of bytes that the destination has accepted.
    private(set) var forwarded = 0
    /// The number of received bytes that were lost, which is 0 unless the kernel ran out of memory.
    private(set) var lost = 0

    /// The size of the buffer for copying.
    private static let bufferSize = 65536
    /// The smallest number of bytes for which splicing costs less than copying.
    private static let spliceSize = 16384

    /// Creates a direction.
    ///
    /// - Parameters:
    ///   - origin: The connection to read from.
    ///   - destination: The connection to write to.
    ///   - maySplice: A Boolean value that indicates whether both descriptors are nonblocking, as
    ///     splice(2) requires.
    init(from origin: JoinEnd, to destination: JoinEnd, maySplice: Bool) {
        self.origin = origin
        self.destination = destination
        self.maySplice =
            maySplice && origin.encryption == nil && destination.encryption == nil
    }

    /// Moves bytes once, without waiting.
    ///
    /// - Parameters:
    ///   - input: The bytes that the origin has received but not yet forwarded.
    ///   - isAtEnd: A Boolean value that indicates whether EOF has arrived from the origin. The
    ///     step sets it at EOF.
    ///   - scratch: The memory for received bytes, or `nil` to use the memory of `input`.
    ///   - isSignalBlocked: A Boolean value that indicates whether the thread blocks SIGPIPE, which
    ///     splice(2) may raise.
    /// - Returns: The outcome.
    mutating func step(
        _ input: inout ByteBuffer, isAtEnd: inout Bool,
        scratch: UnsafeMutableRawBufferPointer?, isSignalBlocked: Bool
    ) -> Step {
        if path.count > 0 { return drain(&input, isSignalBlocked) }
        if !input.isEmpty {
            let before = input.count
            let step = send(&input)
            forwarded += before - input.count
            return step
        }
        if let encryption = destination.encryption, encryption.hasUnsent {
            return flush(encryption)
        }
        if isAtEnd { return end() }
        if isBulk, let step = splice(&input, isSignalBlocked) { return step }
        return copy(&input, &isAtEnd, scratch)
    }

    /// Sends bytes from a buffer to the destination once, without adding them to ``forwarded``.
    func send(_ buffer: inout ByteBuffer) -> Step {
        do throws(Errno) {
            buffer.consume(try send(buffer.bytes))
            return .moved(isDrained: false)
        } catch {
            return step(after: error, on: .destination)
        }
    }

    /// Moves the bytes in the pipe to the end of `input`, so that a later read returns them.
    mutating func reclaim(into input: inout ByteBuffer) { lost += path.reclaim(into: &input) }

    /// Receives once, and sends as many of the bytes as the destination accepts.
    private mutating func copy(
        _ input: inout ByteBuffer, _ isAtEnd: inout Bool, _ scratch: UnsafeMutableRawBufferPointer?
    ) -> Step {
        let room = scratch ?? input.room(atLeast: Self.bufferSize)
        let count: Int
        do throws(Errno) {
            guard let received = try receive(into: room) else { return .moved(isDrained: false) }
            count = received
        } catch {
            return step(after: error, on: .origin)
        }
        guard count > 0 else {
            isAtEnd = true
            return .moved(isDrained: false)
        }
        isBulk = maySplice && count >= Self.spliceSize
        let bytes = UnsafeRawBufferPointer(rebasing: room[..<count])
        // If the bytes are already in the memory of `input`, add them to it now. A later `append`
        // may release that memory.
        if scratch == nil { input.written(count) }
        var sent = 0
        // Keep the unsent bytes.
        defer {
            if scratch == nil {
                input.consume(sent)
            } else {
                input.append(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
            }
        }
        do throws(Errno) {
            sent = try send(bytes)
            forwarded += sent
        } catch {
            return step(after: error, on: .destination)
        }
        // A receive that did not fill `room` has emptied the kernel's buffer. There are two
        // exceptions: TLS may have more decrypted bytes, and a receive from a Unix socket ends at
        // passed descriptors, even if bytes follow.
        let isDrained =
            count < room.count && sent == count && origin.encryption == nil
            && origin.family != .unix
        return .moved(isDrained: isDrained)
    }

    /// Moves bytes from the origin into the pipe, and as many of these bytes as possible to the
    /// destination.
    ///
    /// Returns `nil` if the caller must receive instead. Only recv(2) can tell whether the origin
    /// has no bytes or is at EOF, because splice(2) never moves beyond urgent data.
    private mutating func splice(
        _ input: inout ByteBuffer, _ isSignalBlocked: Bool
    ) -> Step? {
        do throws(Errno) {
            let count = try path.fill(from: origin.descriptor)
            guard count > 0 else { return nil }
            isBulk = count >= Self.spliceSize
        } catch {
            switch error {
            case .wouldBlock: return nil
            case .interrupted: return .moved(isDrained: false)
            case .tooManyOpenFiles, .tooManyOpenFilesInSystem: isBulk = false
            case _ where System.spliceRefusals.contains(error): stopSplicing()
            default: return step(after: error, on: .origin)
            }
            return nil
        }
        return drain(&input, isSignalBlocked)
    }

    /// Moves bytes from the pipe to the destination once.
    private mutating func drain(_ input: inout ByteBuffer, _ isSignalBlocked: Bool) -> Step {
        destination.connectionError?.beginTaking()
        defer { destination.connectionError?.endTaking() }
        do throws(Errno) {
            forwarded += try path.drain(
                to: destination.descriptor, isSignalBlocked: isSignalBlocked)
            // The next steps copy and may wait, so they must not keep the pipe.
            if path.count == 0, !isBulk { path.giveBack() }
            return .moved(isDrained: false)
        } catch {
            guard System.spliceRefusals.contains(error) else {
                return step(after: error, on: .destination)
            }
            stopSplicing()
            reclaim(into: &input)
            return lost == 0 ? .moved(isDrained: false) : step(after: error, on: .destination)
        }
    }

    private mutating func stopSplicing() { (maySplice, isBulk) = (false, false) }

    /// Sends TLS's closing alert (close_notify), if the destination uses TLS.
    private func end() -> Step {
        do throws(Errno) {
            try destination.encryption?.end(destination.descriptor)
            return .ended
        } catch {
            return step(after: error, on: .destination)
        }
    }

    /// Sends the encrypted bytes that the kernel has not accepted yet.
    private func flush(_ encryption: any EncryptedStream) -> Step {
        do throws(Errno) {
            return try encryption.flush(destination.descriptor)
                ? .moved(isDrained: false) : .blocked(.destination)
        } catch {
            return step(after: error, on: .destination)
        }
    }

    /// Receives once.
    ///
    /// Returns `nil` if TLS received bytes that contain no data for the program.
    private func receive(into room: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
        let count: Int
        if let encryption = origin.encryption {
            guard
                let received = try encryption.receiveAtOnce(
                    origin.descriptor, into: room, peeking: false)
            else { return nil }
            count = received
        } else {
            count = try System.recv(origin.descriptor, room, .dontWait)
        }
        if count == 0, let error = origin.connectionError?.atEnd(of: origin.descriptor) {
            throw error
        }
        return count
    }

    /// Sends once.
    private func send(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        // As in `Exchange`, note the error before `endTaking`.
        destination.connectionError?.beginTaking()
        defer { destination.connectionError?.endTaking() }
        do throws(Errno) {
            let rest = UnsafeRawBufferPointer(rebasing: bytes.prefix(System.mostAtOnce))
            if let encryption = destination.encryption {
                return try encryption.sendAtOnce(destination.descriptor, rest)
            }
            return try System.send(destination.descriptor, rest, .dontWait)
        } catch {
            destination.connectionError?.note(error)
            throw error
        }
    }

    /// Returns the outcome of a call that failed, and notes an error that broke the connection.
    private func step(after error: Errno, on side: Side) -> Step {
        switch error {
        case .wouldBlock: return .blocked(side)
        case .interrupted: return .moved(isDrained: false)
        default:
            let end = side == .origin ? origin : destination
            end.connectionError?.note(error)
            return .failed(error, side)
        }
    }
}
