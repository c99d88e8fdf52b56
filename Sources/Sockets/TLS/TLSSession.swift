internal import SystemPackage

/// The TLS layer of one connection, between the program's bytes and the system calls.
///
/// Each call to receive or send is one attempt, like the system call that it replaces. So the code
/// that waits is the same with and without TLS. One task or thread may receive while another one
/// sends. Both of them use the engine, so a lock protects it.
final class TLSSession: @unchecked Sendable {
    // Safe because the lock protects the mutable state, with two exceptions. Only the task or
    // thread that has claimed reading uses `received`, and `outgoing` belongs to the sending thread
    // while `isSendingWithoutLock` is true.
    private let engine: any TLSEngine
    private let isClient: Bool
    /// How a server chooses its identity for the client.
    let identityChooser: TLSIdentityChooser?
    // `Lock(())` is not used, because the thread sanitizer reports accesses to its value, which has
    // no size.
    private let lock = Lock(0)
    /// The received bytes that the engine has not consumed.
    @exclusivity(unchecked) private var received = ByteBuffer(capacity: 4096)
    /// The encrypted bytes that a blocking thread is sending without the lock.
    @exclusivity(unchecked) private var outgoing = ByteBuffer(capacity: 32768)
    /// The encrypted bytes that must be sent after `outgoing`.
    @exclusivity(unchecked) private var unsent = ByteBuffer(capacity: 4096)
    @exclusivity(unchecked) private var isSendingWithoutLock = false
    /// The number of the program's bytes that are encrypted but that `write` has not returned as
    /// sent.
    @exclusivity(unchecked) private var unreported = 0
    /// A Boolean value that indicates whether a thread has claimed the sending direction.
    @exclusivity(unchecked) private var isSending = false
    @exclusivity(unchecked) private var isReceiving = false
    /// A Boolean value that indicates whether the engine may have bytes for the program.
    @exclusivity(unchecked) private var mayHavePending = false
    @exclusivity(unchecked) private var storedFailure: TLSFailure?
    @exclusivity(unchecked) private var hasFinishedHandshake = false
    /// A Boolean value that indicates whether a server holds its tickets back until its first
    /// reply; see `holdsTickets(after:)`.
    @exclusivity(unchecked) private var hasHeldTickets = false
    /// A Boolean value that indicates whether the first two bytes from the peer were checked.
    @exclusivity(unchecked) private var hasCheckedBeginning = false
    /// The first byte from the peer, or nil before it has arrived.
    ///
    /// `checkBeginning` needs it if it arrived alone.
    @exclusivity(unchecked) private var firstByte: UInt8?
    /// A Boolean value that indicates whether the received stream has ended.
    @exclusivity(unchecked) private var isAtEnd = false
    /// A Boolean value that indicates whether close_notify was encrypted, so nothing more may be
    /// sent.
    @exclusivity(unchecked) private var hasEnded = false
    /// A Boolean value that indicates whether the program has shut down the receiving direction.
    @exclusivity(unchecked) private var ignoresTruncation = false
    /// A Boolean value that indicates whether bytes for the program have arrived.
    @exclusivity(unchecked) private var hasReceivedBytes = false

    /// The largest record with its header (RFC 8446, section 5.2).
    static let largestRecord = 16384 + 256 + 5

    /// - Parameters:
    ///   - engine: The engine.
    ///   - configuration: The configuration of the engine.
    ///   - bytes: The bytes that were received and belong to the handshake.
    init(
        _ engine: any TLSEngine, of configuration: TLSConfiguration,
        received bytes: UnsafeRawBufferPointer
    ) {
        self.engine = engine
        isClient = configuration.role == .client
        identityChooser = configuration.identityChooser
        received.append(bytes)
    }

    /// The first failure of the session, or `nil`.
    var failure: TLSFailure? { lock.withLock { _ in storedFailure } }

    /// A Boolean value that indicates whether the handshake has finished.
    var isEstablished: Bool { lock.withLock { _ in hasFinishedHandshake } }

    /// The results of the handshake, or `nil` before it has finished.
    var information: TLSInformation? {
        lock.withLock { _ in hasFinishedHandshake ? engine.information : nil }
    }

    /// Returns the cause that describes a failed attempt.
    func cause(of cause: SocketError.Cause) -> SocketError.Cause {
        switch cause {
        case .system(.protocolError): failure.map { .tls($0) } ?? cause
        case .system(.socketNotConnected) where !isEstablished:
            .invalidInput("the TLS handshake has not finished: call handshake() first")
        default: cause
        }
    }

    // MARK: Handshake

    enum HandshakeStep: Equatable {
        case finished, needsInput
        /// The caller must choose an identity and pass it to `use`.
        case wantsIdentity(TLSClientHello)
    }

    /// A Boolean value that indicates whether the handshake cannot begin before bytes from the peer
    /// arrive.
    var waitsForPeer: Bool { !isClient && received.isEmpty && !hasCheckedBeginning }

    /// A Boolean value that indicates whether encrypted bytes must be sent before the handshake
    /// continues or ends.
    var mustFlush: Bool {
        lock.withLock { _ in !hasHeldTickets && !(unsent.isEmpty && outgoing.isEmpty) }
    }

    /// A Boolean value that indicates whether a receive may return bytes without a system call.
    var mayHaveBytes: Bool { lock.withLock { _ in mayHavePending } }

    /// Continues the handshake without waiting, and sends what the kernel accepts; `flush` sends
    /// the rest.
    ///
    /// The caller must have claimed both directions.
    ///
    /// - Throws: The failure. An alert for the peer may still be unsent; `flush` sends it.
    func handshake(_ descriptor: Int32) throws(TLSFailure) -> HandshakeStep {
        try lock.withLock { _ throws(TLSFailure) in
            if let storedFailure { throw storedFailure }
            try checkBeginning(received.bytes)
            var pipe = TLSPipe(received.bytes)
            let step = engine.handshake(&pipe)
            received.consume(received.count - pipe.input.count)
            keep(pipe)
            _ = try? flushLocked(descriptor)
            return try conclude(step)
        }
    }

    /// Receives once without waiting and continues the handshake, using the caller's memory.
    ///
    /// With this method, a connection that waits for its client keeps no buffer. The caller must
    /// have claimed both directions.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor.
    ///   - scratch: The memory for received bytes and for bytes to send.
    ///   - isShort: Set to whether the kernel had fewer bytes than requested.
    /// - Returns: The next step of the handshake.
    /// - Throws: `.protocolError` if the handshake failed or the stream ended, or the error of
    ///   recv(2).
    func receiveAndHandshake(
        _ descriptor: Int32, scratch: UnsafeMutableRawBufferPointer, isShort: inout Bool
    ) throws(Errno) -> HandshakeStep {
        let room = UnsafeMutableRawBufferPointer(rebasing: scratch[..<Self.largestRecord])
        let count = try System.recv(descriptor, room, .dontWait)
        isShort = count < room.count
        do throws(TLSFailure) {
            return try lock.withLock { _ throws(TLSFailure) in
                if let storedFailure { throw storedFailure }
                guard count > 0 else { throw noted(.truncated) }
                let arrived = UnsafeRawBufferPointer(rebasing: room[..<count])
                try checkBeginning(arrived)
                var pipe = TLSPipe(
                    arrived,
                    output: UnsafeMutableRawBufferPointer(
                        rebasing: scratch[Self.largestRecord...]))
                let step = engine.handshake(&pipe)
                received.append(pipe.input)
                hasHeldTickets = holdsTickets(after: step)
                if hasHeldTickets {
                    keep(pipe)
                } else {
                    sendOrKeep(pipe, descriptor)
                }
                return try conclude(step)
            }
        } catch {
            throw .protocolError
        }
    }

    /// Returns whether a server holds its tickets back until its first write, its next receive or
    /// close_notify.
    ///
    /// It does so if the client's first bytes have arrived with the end of the handshake, because a
    /// reply will then follow. Sending the tickets with the reply saves a system call here and a
    /// wakeup of the client. Before TLS 1.3, it sends them at once, because the same bytes end the
    /// handshake and the client may be waiting for them.
    private func holdsTickets(after step: TLSStep) -> Bool {
        guard case .moved = step, !isClient, engine.version == .tls13 else { return false }
        return !received.isEmpty || engine.hasPending
    }

    private func conclude(_ step: TLSStep) throws(TLSFailure) -> HandshakeStep {
        switch step {
        case .moved:
            hasFinishedHandshake = true
            received.giveBack()
            mayHavePending = !received.isEmpty || engine.hasPending
            return .finished
        case .needsInput: return .needsInput
        case .wantsIdentity: return .wantsIdentity(engine.clientHello)
        case .ended: throw noted(.truncated)
        case .failed(let failure): throw noted(failure)
        }
    }

    /// Sends the bytes of a pipe without waiting, and keeps what the kernel does not accept.
    private func sendOrKeep(_ pipe: TLSPipe, _ descriptor: Int32) {
        guard unsent.isEmpty, outgoing.isEmpty, pipe.overflow.isEmpty else {
            keep(pipe)
            _ = try? flushLocked(descriptor)
            return
        }
        guard pipe.written > 0 else { return }
        let sent = (try? System.send(descriptor, pipe.outgoing, .dontWait)) ?? 0
        unsent.append(UnsafeRawBufferPointer(rebasing: pipe.outgoing[sent...]))
    }

    /// Passes the choice of an identity to a handshake that has returned `.wantsIdentity`.
    func use(_ choice: TLSIdentityChoice) { lock.withLock { _ in engine.use(choice) } }

    /// Receives once for the handshake.
    ///
    /// - Throws: `.protocolError` at the end of the stream.
    func receiveForHandshake(
        _ descriptor: Int32, _ flags: TransferFlags, isShort: inout Bool
    ) throws(Errno) {
        let room = received.room(atLeast: 4096)
        let count = try System.recv(descriptor, room, flags)
        isShort = count < room.count
        received.written(count)
        guard count > 0 else {
            lock.withLock { _ in _ = noted(.truncated) }
            throw .protocolError
        }
    }

    /// Checks that the first bytes from the peer begin a record of a handshake or an alert.
    ///
    /// Without this check, the engine would read the length of a record from a greeting in plain
    /// text, and wait for the rest of that record.
    private func checkBeginning(_ arrived: UnsafeRawBufferPointer) throws(TLSFailure) {
        guard !hasCheckedBeginning, !arrived.isEmpty else { return }
        // If the first byte arrived alone, the engine has already consumed it, but `firstByte`
        // keeps it.
        let bytes = (firstByte.map { [$0] } ?? []) + arrived.prefix(64)
        let isRecord = (bytes[0] == 21 || bytes[0] == 22) && (bytes.count < 2 || bytes[1] == 3)
        guard isRecord else { throw noted(.notTLS(bytes)) }
        firstByte = bytes[0]
        hasCheckedBeginning = bytes.count >= 2
    }

    /// Notes the first failure, and returns it.
    private func noted(_ failure: TLSFailure) -> TLSFailure {
        let first = storedFailure ?? failure
        storedFailure = first
        return first
    }

    // MARK: Receiving

    enum ReceiveOutcome {
        /// The number of bytes for the program. If `hasMore`, another call may succeed at once.
        case bytes(Int, hasMore: Bool)
        /// The stream has ended.
        case end
        /// The received bytes contain nothing for the program.
        case nothing
    }

    /// Decrypts received bytes, and receives once if there are none.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor.
    ///   - buffer: The memory for decrypted bytes.
    ///   - scratch: The memory for received bytes, or `nil` to use the session's own.
    ///   - flags: The flags of recv(2).
    ///   - peeking: Whether the next call returns the same bytes again.
    ///   - isShort: Set to whether the kernel had fewer bytes than requested.
    /// - Returns: The outcome.
    /// - Throws: `.wouldBlock`, `.protocolError` if TLS failed, or the error of recv(2).
    func receive(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer,
        scratch: UnsafeMutableRawBufferPointer?, _ flags: TransferFlags, peeking: Bool = false,
        isShort: inout Bool
    ) throws(Errno) -> ReceiveOutcome {
        isShort = false
        let early = try lock.withLock { _ throws(Errno) in
            let early = try receiveEarly(descriptor, into: buffer, peeking: peeking)
            if _slowPath(hasHeldTickets) { releaseTickets(descriptor, after: early) }
            return early
        }
        if let early { return early }
        // Do not request much more than the buffer can take, because the rest would be copied.
        let most = max(buffer.count, Self.largestRecord)
        let room =
            scratch.map { UnsafeMutableRawBufferPointer(rebasing: $0.prefix(most)) }
            ?? received.room(atLeast: 32768)
        let count = try System.recv(descriptor, room, flags)
        isShort = count < room.count
        return try lock.withLock { _ throws(Errno) in
            guard count > 0 else { return try receiveEnd() }
            var pipe = TLSPipe(UnsafeRawBufferPointer(rebasing: room[..<count]))
            if scratch == nil { received.written(count) }
            // Keep the bytes that the engine has not consumed, even after a failure.
            defer {
                if scratch == nil {
                    received.consume(received.count - pipe.input.count)
                } else {
                    received.append(pipe.input)
                }
            }
            if scratch == nil { pipe.input = received.bytes }
            return try decrypt(&pipe, into: buffer, descriptor, peeking: peeking)
        }
    }

    /// Sends the tickets that were held back for a reply, unless the program has just received
    /// bytes to which it may reply.
    ///
    /// If the tickets have already been sent with a reply, the method only releases the buffer of
    /// received bytes.
    @inline(never)
    private func releaseTickets(_ descriptor: Int32, after outcome: ReceiveOutcome?) {
        if case .bytes = outcome { return }
        hasHeldTickets = false
        received.giveBack()
        _ = try? flushLocked(descriptor)
    }

    /// Returns what can be received without a system call, or `nil`.
    private func receiveEarly(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, peeking: Bool
    ) throws(Errno) -> ReceiveOutcome? {
        if isAtEnd { return .end }
        if storedFailure != nil { throw .protocolError }
        guard hasFinishedHandshake else { throw .socketNotConnected }
        if buffer.isEmpty { return .bytes(0, hasMore: true) }
        guard mayHavePending || !received.isEmpty else { return nil }
        var pipe = TLSPipe(received.bytes)
        defer { received.consume(received.count - pipe.input.count) }
        let outcome = try decrypt(&pipe, into: buffer, descriptor, peeking: peeking)
        if case .nothing = outcome { return nil }
        return outcome
    }

    /// Handles a recv that returned 0.
    private func receiveEnd() throws(Errno) -> ReceiveOutcome {
        guard ignoresTruncation else {
            _ = noted(.truncated)
            throw .protocolError
        }
        isAtEnd = true
        return .end
    }

    /// Decrypts the complete records that fit into the buffer.
    ///
    /// The caller must have the lock.
    @inline(__always)
    private func decrypt(
        _ pipe: inout TLSPipe, into buffer: UnsafeMutableRawBufferPointer, _ descriptor: Int32,
        peeking: Bool
    ) throws(Errno) -> ReceiveOutcome {
        var count = 0
        loop: repeat {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
            switch peeking ? engine.peek(&pipe, into: room) : engine.read(&pipe, into: room) {
            case .moved(let more): count += more
            case .needsInput, .wantsIdentity: break loop
            case .ended:
                isAtEnd = true
                break loop
            case .failed(let failure):
                _ = noted(failure)
                break loop
            }
        } while !peeking && count < buffer.count && !pipe.input.isEmpty
        if _slowPath(pipe.written > 0 || !pipe.overflow.isEmpty) {
            // The engine has produced an alert or the answer to a key update. If the kernel does
            // not accept it now, the next write sends it.
            keep(pipe)
            _ = try? flushLocked(descriptor)
        }
        mayHavePending = engine.hasPending
        if count > 0 {
            hasReceivedBytes = true
            let hasMore =
                mayHavePending || !pipe.input.isEmpty || isAtEnd || storedFailure != nil || peeking
            return .bytes(count, hasMore: hasMore)
        }
        if isAtEnd { return .end }
        if storedFailure != nil { throw .protocolError }
        return .nothing
    }

    /// Accepts an EOF without close_notify, because the program has shut down the receiving
    /// direction.
    func ignoreTruncation() { lock.withLock { _ in ignoresTruncation = true } }

    // MARK: Sending

    /// Encrypts bytes and sends them without waiting, as send(2) does.
    ///
    /// The call encrypts as many bytes as are worth a system call. If the kernel does not accept
    /// all of them, the call throws `.wouldBlock`. The next call must begin with the same bytes. It
    /// does not encrypt them again, and it returns their number when the kernel has accepted them.
    /// A caller that makes no next call must call `takeUnreported`. A later write then sends the
    /// rest first.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor.
    ///   - bytes: The bytes to encrypt.
    ///   - scratch: The memory for encrypted bytes, or `nil` to use the session's own.
    /// - Returns: The number of bytes that were encrypted and that the kernel has accepted.
    /// - Throws: `.wouldBlock`, `.protocolError` if TLS failed, or the error of send(2).
    func write(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer,
        scratch: UnsafeMutableRawBufferPointer?
    ) throws(Errno) -> Int {
        try lock.withLock { _ throws(Errno) in
            try checkSending()
            if _fastPath(!hasHeldTickets) || scratch == nil || !canJoinUnsent {
                guard try flushLocked(descriptor) else { throw .wouldBlock }
            }
            if unreported == 0 {
                unreported = try encrypt(bytes, descriptor, scratch)
                guard try flushLocked(descriptor) else { throw .wouldBlock }
            }
            defer { unreported = 0 }
            return unreported
        }
    }

    /// Returns the number of bytes that an unfinished `write` has encrypted.
    func takeUnreported() -> Int {
        lock.withLock { _ in
            defer { unreported = 0 }
            return unreported
        }
    }

    /// Encrypts bytes without sending them, for a thread that then waits in `sendUnsent`.
    ///
    /// - Returns: The number of encrypted bytes.
    func encryptToSend(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try lock.withLock { _ throws(Errno) in
            try checkSending()
            return try encrypt(bytes)
        }
    }

    private func checkSending() throws(Errno) {
        if storedFailure != nil { throw .protocolError }
        if hasEnded { throw .brokenPipe }
        guard hasFinishedHandshake else { throw .socketNotConnected }
    }

    /// A Boolean value that indicates whether the unsent bytes are tickets that one system call can
    /// send together with the next bytes.
    private var canJoinUnsent: Bool {
        unreported == 0 && outgoing.isEmpty && unsent.count <= 4096
    }

    /// Encrypts bytes, and sends `unsent` and then these bytes from `scratch` without waiting.
    private func encrypt(
        _ bytes: UnsafeRawBufferPointer, _ descriptor: Int32,
        _ scratch: UnsafeMutableRawBufferPointer?
    ) throws(Errno) -> Int {
        guard let scratch else { return try encrypt(bytes) }
        var pipe = TLSPipe(output: scratch)
        if _slowPath(!unsent.isEmpty) {
            scratch.copyMemory(from: unsent.bytes)
            pipe.written = unsent.count
            unsent.consume(unsent.count)
            unsent.giveBack()
        }
        let count = try encrypt(bytes, &pipe)
        var sent = 0
        if pipe.overflow.isEmpty {
            do throws(Errno) {
                sent = try System.send(descriptor, pipe.outgoing, .dontWait)
            } catch {
                guard error == .wouldBlock || error == .interrupted else { throw error }
            }
        }
        unsent.append(UnsafeRawBufferPointer(rebasing: pipe.outgoing[sent...]))
        pipe.overflow.withUnsafeBytes { unsent.append($0) }
        return count
    }

    /// Encrypts bytes into `unsent`.
    private func encrypt(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        var pipe = TLSPipe(output: unsent.room(atLeast: 4 * Self.largestRecord))
        let count = try encrypt(bytes, &pipe)
        unsent.written(pipe.written)
        pipe.overflow.withUnsafeBytes { unsent.append($0) }
        return count
    }

    /// Encrypts as many bytes as the pipe has room for, and at least one record.
    @inline(__always)
    private func encrypt(
        _ bytes: UnsafeRawBufferPointer, _ pipe: inout TLSPipe
    ) throws(Errno) -> Int {
        var count = 0
        while count < bytes.count, count == 0 || pipe.room >= Self.largestRecord {
            switch engine.write(&pipe, UnsafeRawBufferPointer(rebasing: bytes[count...])) {
            case .moved(let more): count += more
            case .needsInput, .wantsIdentity, .ended:
                _ = noted(.protocolViolation("it asked for a renegotiation"))
                throw .protocolError
            case .failed(let failure):
                _ = noted(failure)
                throw .protocolError
            }
        }
        return count
    }

    private func keep(_ pipe: TLSPipe) {
        unsent.append(pipe.outgoing)
        pipe.overflow.withUnsafeBytes { unsent.append($0) }
    }

    @inline(__always)
    private func flushLocked(_ descriptor: Int32) throws(Errno) -> Bool {
        if _fastPath(unsent.isEmpty && outgoing.isEmpty) { return true }
        // If a thread is sending without the lock, it also sends the rest.
        return isSendingWithoutLock ? false : try flushUnsent(descriptor)
    }

    @inline(never)
    private func flushUnsent(_ descriptor: Int32) throws(Errno) -> Bool {
        while true {
            if outgoing.isEmpty { swap(&outgoing, &unsent) }
            if outgoing.isEmpty { break }
            do throws(Errno) {
                outgoing.consume(try System.send(descriptor, outgoing.bytes, .dontWait))
            } catch {
                if error == .wouldBlock { return false }
                guard error == .interrupted else { throw error }
            }
        }
        outgoing.giveBack()
        unsent.giveBack()
        return true
    }

    // MARK: Threads

    // A thread must not hold the lock while it waits inside a system call. So it claims a direction
    // of the connection instead.

    func beginSending() -> Bool {
        lock.withLock { _ in
            defer { isSending = true }
            return !isSending
        }
    }

    func endSending() { lock.withLock { _ in isSending = false } }

    func beginReceiving() -> Bool {
        lock.withLock { _ in
            defer { isReceiving = true }
            return !isReceiving
        }
    }

    func endReceiving() { lock.withLock { _ in isReceiving = false } }

    /// Makes one system call to send encrypted bytes, which may wait.
    ///
    /// The caller must have claimed the direction.
    func sendUnsent(_ descriptor: Int32, _ flags: TransferFlags) throws(Errno) {
        let isEmpty = lock.withLock { _ in
            if outgoing.isEmpty { swap(&outgoing, &unsent) }
            isSendingWithoutLock = !outgoing.isEmpty
            return outgoing.isEmpty
        }
        if isEmpty { return }
        defer { lock.withLock { _ in isSendingWithoutLock = false } }
        let count = try System.send(descriptor, outgoing.bytes, flags)
        lock.withLock { _ in outgoing.consume(count) }
    }

    // MARK: Ending

    /// Discards received bytes before the descriptor of a client is closed, without waiting.
    ///
    /// A client that only sends does not read the tickets that the server sends after the
    /// handshake. If they were still in the kernel, close(2) would reset the connection, and the
    /// server could lose bytes.
    func discardUnread(_ descriptor: Int32) {
        let isNeeded = lock.withLock { _ in
            isClient && hasFinishedHandshake && storedFailure == nil && !hasReceivedBytes
                && !isAtEnd
        }
        guard isNeeded else { return }
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { room in
            for _ in 0..<16 {
                guard let count = try? System.recv(descriptor, room, .dontWait), count > 0 else {
                    return
                }
            }
        }
    }

    /// Schedules a key update, which the next write sends, and requests one from the peer.
    func updateKeys() { lock.withLock { _ in engine.updateKeys() } }
}

extension TLSSession: EncryptedStream {
    func receiveAtOnce(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, peeking: Bool
    ) throws(Errno) -> Int? {
        var isShort = false
        let outcome = try receive(
            descriptor, into: buffer, scratch: nil, .dontWait, peeking: peeking, isShort: &isShort)
        switch outcome {
        case .bytes(let count, _): return count
        case .end: return 0
        case .nothing: return nil
        }
    }

    func sendAtOnce(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try lock.withLock { _ throws(Errno) in
            try checkSending()
            guard try flushLocked(descriptor) else { throw .wouldBlock }
            let count = try encrypt(bytes)
            _ = try flushLocked(descriptor)
            return count
        }
    }

    var hasUnsent: Bool { lock.withLock { _ in !unsent.isEmpty || !outgoing.isEmpty } }

    func flush(_ descriptor: Int32) throws(Errno) -> Bool {
        try lock.withLock { _ throws(Errno) in try flushLocked(descriptor) }
    }

    /// Encrypts close_notify once, and sends it without waiting.
    ///
    /// - Throws: `.wouldBlock` if the kernel does not accept it; `flush` then sends it.
    func end(_ descriptor: Int32) throws(Errno) {
        try lock.withLock { _ throws(Errno) in
            if !hasEnded, storedFailure == nil, hasFinishedHandshake {
                hasEnded = true
                var pipe = TLSPipe()
                _ = engine.end(&pipe)
                keep(pipe)
            }
            guard try flushLocked(descriptor) else { throw .wouldBlock }
        }
    }
}
