internal import SystemPackage

// TLS.
extension Socket {
    /// The results of the TLS handshake, or `nil` if the handshake has not finished or the socket
    /// does not use TLS.
    public var tls: TLSInformation? { tlsSession?.information }

    /// Starts TLS on a connected stream socket.
    ///
    /// ```swift
    /// let client = try server.accept()
    /// try client.startTLS(.server(identity))
    /// ```
    ///
    /// Bytes that the kernel has received but the program has not read are part of the handshake.
    /// No other thread may send or receive during the handshake. After a failure, the socket can
    /// only be closed. The call blocks the thread; the async counterpart is
    /// ``Connection/startTLS(_:timeout:)``.
    ///
    /// - Parameters:
    ///   - configuration: Whether this side is the client or the server, and how it uses TLS. A
    ///     client needs ``TLSConfiguration/serverName``.
    ///   - timeout: The time limit for the whole handshake.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/tls(_:)`` if the handshake fails.
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the handshake took too long.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the socket is not a stream, or if TLS was
    ///     already started.
    ///   - ``SocketError/Cause/closed`` if the socket is closed.
    public func startTLS(
        _ configuration: TLSConfiguration, timeout: TimeLimit = .seconds(10)
    ) throws(SocketError) {
        let deadline = Deadline(startingNow: timeout)
        try startTLS(configuration, to: nil, received: [], deadline, isFirst: true)
    }

    /// The TLS session of the connection, or `nil` if TLS was not started.
    var tlsSession: TLSSession? { tlsReference.objectIfCreated }

    /// A Boolean value that indicates whether there are encrypted bytes that the kernel has not
    /// accepted.
    var hasUnsent: Bool { tlsSession?.hasUnsent ?? false }

    /// Starts TLS.
    ///
    /// - Parameters:
    ///   - configuration: The configuration.
    ///   - endpoint: The endpoint of the server, which may be behind a proxy.
    ///     ``TLSConfiguration/serverName`` takes precedence over its host.
    ///   - received: The part of the handshake that was already received.
    ///   - deadline: The deadline for the whole handshake.
    ///   - isFirst: A Boolean value that indicates whether the handshake is the first step under
    ///     the deadline.
    /// - Throws: The errors of ``startTLS(_:timeout:)``.
    func startTLS(
        _ configuration: TLSConfiguration, to endpoint: Endpoint?, received: [UInt8],
        _ deadline: Deadline, isFirst: Bool
    ) throws(SocketError) {
        try require(.stream, for: .startTLS)
        let session: TLSSession
        do throws(TLSFailure) {
            let port = endpoint?.port ?? remoteAddress.port.map { Port($0) }
            let engine = try configuration.engine(host: endpoint?.host, port: port)
            session = received.withUnsafeBytes {
                TLSSession(engine, of: configuration, received: $0)
            }
        } catch {
            throw failure(.startTLS, .tls(error))
        }
        guard tlsReference.object({ session }) === session else {
            throw failure(.startTLS, .invalidInput("TLS has already been started"))
        }
        do throws(SocketError) {
            var isFirst = isFirst
            if session.waitsForPeer { try receive(for: session, deadline, &isFirst) }
            while try !advance(session, deadline, &isFirst) {
                try receive(for: session, deadline, &isFirst)
            }
        } catch {
            throw error.with(operation: .startTLS)
        }
    }

    /// Continues the handshake with the received bytes, and returns whether it has finished.
    private func advance(
        _ session: TLSSession, _ deadline: Deadline, _ isFirst: inout Bool
    ) throws(SocketError) -> Bool {
        var step = try attempt(session)
        while case .wantsIdentity(let hello) = step {
            session.use(identity(for: hello, session))
            step = try attempt(session)
        }
        try sendUnsent(session, deadline, &isFirst)
        return step == .finished
    }

    private func attempt(_ session: TLSSession) throws(SocketError) -> TLSSession.HandshakeStep {
        try call(.startTLS) { descriptor throws(Errno) in
            // Discard the error, because the session has noted the cause, with which `failure`
            // replaces `.protocolError`. The session has also tried to send an alert.
            guard let step = try? session.handshake(descriptor) else { throw .protocolError }
            return step
        }
    }

    /// Returns the server's identity for the client that sent `hello`.
    private func identity(for hello: TLSClientHello, _ session: TLSSession) -> TLSIdentityChoice {
        switch session.identityChooser {
        case .synchronous(let choose): TLSIdentityChoice(for: hello, choose)
        case .asynchronous, nil:
            .failure(
                .invalidConfiguration(
                    "a blocking socket cannot wait for the async choice of an identity"))
        }
    }

    private func receive(
        for session: TLSSession, _ deadline: Deadline, _ isFirst: inout Bool
    ) throws(SocketError) {
        try perform(.startTLS, .receiving, .inKernel, deadline, isFirst: isFirst) {
            descriptor, flags throws(Errno) in
            var isShort = false
            try session.receiveForHandshake(descriptor, flags, isShort: &isShort)
        }
        isFirst = false
    }

    /// Receives decrypted bytes.
    @inline(never)
    func receiveDecrypted(
        _ buffer: UnsafeMutableRawBufferPointer, _ deadline: Deadline, _ flags: TransferFlags,
        isFirst: Bool
    ) throws(SocketError) -> Int {
        guard let session = tlsSession else { return 0 }
        guard session.beginReceiving() else { throw failure(.receive, .busy) }
        defer { session.endReceiving() }
        return try perform(.receive, .receiving, .inKernel, deadline, isFirst: isFirst) {
            descriptor, waiting throws(Errno) in
            // Flush first, because the peer may be waiting for the rest of an earlier send.
            _ = try? session.flush(descriptor)
            var isShort = false
            let outcome = try session.receive(
                descriptor, into: buffer, scratch: nil, waiting, peeking: flags.contains(.peek),
                isShort: &isShort)
            switch outcome {
            case .bytes(let count, _): return count
            case .end: return 0
            case .nothing: throw .interrupted
            }
        }
    }

    /// Encrypts bytes and sends them.
    ///
    /// Encrypted bytes cannot be taken back. If the deadline passes before the kernel has accepted
    /// all of them, the call still succeeds, and the next call sends the rest first. If `flushing`
    /// is true, the call throws the timeout instead, and the error contains the number of encrypted
    /// bytes.
    @inline(never)
    func sendEncrypted(
        _ bytes: UnsafeRawBufferPointer, _ deadline: Deadline, isFirst: Bool, flushing: Bool
    ) throws(SocketError) -> Int {
        guard let session = tlsSession else { return 0 }
        guard session.beginSending() else { throw failure(.send, .busy) }
        defer { session.endSending() }
        var isFirst = isFirst
        try sendUnsent(session, deadline, &isFirst)
        let count = try call(.send) { _ throws(Errno) in try session.encryptToSend(bytes) }
        do throws(SocketError) {
            try sendUnsent(session, deadline, &isFirst)
        } catch {
            guard error.isTimeout, !flushing else { throw error.with(bytesTransferred: count) }
        }
        return count
    }

    /// Waits until the kernel has accepted all encrypted bytes.
    @inline(never)
    func flushEncrypted(_ deadline: Deadline, isFirst: Bool) throws(SocketError) {
        guard let session = tlsSession, session.hasUnsent else { return }
        guard session.beginSending() else { throw failure(.send, .busy) }
        defer { session.endSending() }
        var isFirst = isFirst
        try sendUnsent(session, deadline, &isFirst)
    }

    private func sendUnsent(
        _ session: TLSSession, _ deadline: Deadline, _ isFirst: inout Bool
    ) throws(SocketError) {
        while session.hasUnsent {
            try perform(.send, .sending, sendPlan, deadline, isFirst: isFirst) {
                descriptor, flags throws(Errno) in
                try session.sendUnsent(descriptor, flags)
            }
            isFirst = false
        }
    }

    /// Closes `direction` in TLS, before shutdown(2) closes it in TCP.
    @inline(never)
    func endTLS(_ direction: ShutdownDirection) throws(SocketError) {
        guard let session = tlsSession else { return }
        if direction != .write { session.ignoreTruncation() }
        guard direction != .read else { return }
        try call(.shutdown) { descriptor throws(Errno) in try session.end(descriptor) }
    }

    /// Sends TLS's closing alert (close_notify), and waits until the kernel has accepted it.
    func sendEnd(_ deadline: Deadline) throws(SocketError) {
        guard tlsReference.isCreated else { return }
        do throws(SocketError) {
            try endTLS(.write)
        } catch {
            guard error.errno == .wouldBlock else { throw error }
            try flushEncrypted(deadline, isFirst: true)
        }
    }

    /// Sends TLS's closing alert (close_notify) before the descriptor is closed, if the kernel
    /// accepts it at once.
    @inline(never)
    func endTLSBeforeClose() {
        guard let session = tlsSession, enter() else { return }
        defer { leave() }
        // Send no alert before a reset, because the peer would then regard the stream as complete.
        guard !linger.resets(descriptor) else { return }
        try? session.end(descriptor)
        session.discardUnread(descriptor)
    }

    /// Claims both directions of TLS for one operation, if the socket uses TLS.
    func claimTLS(for operation: SocketError.Operation) throws(SocketError) {
        guard let session = tlsSession else { return }
        guard session.beginSending() else { throw failure(operation, .busy) }
        guard session.beginReceiving() else {
            session.endSending()
            throw failure(operation, .busy)
        }
    }

    /// Releases the directions that `claimTLS` claimed.
    func unclaimTLS() {
        tlsSession?.endSending()
        tlsSession?.endReceiving()
    }
}
