internal import SystemPackage

// TLS.
extension Connection {
    /// The results of the TLS handshake, or `nil` if the connection does not use TLS or the
    /// handshake has not finished.
    ///
    /// ```swift
    /// if connection.tls?.applicationProtocol == "h2" { try await serveHTTP2(connection) }
    /// ```
    public var tls: TLSInformation? { tlsSession?.information }

    /// Starts TLS on a connection that has transferred plain bytes, as the SMTP command STARTTLS
    /// does.
    ///
    /// ```swift
    /// try await connection.write("STARTTLS\r\n")
    /// guard try await connection.readLine()?.hasPrefix("220") == true else { return }
    /// try await connection.startTLS(.client(serverName: host))
    /// ```
    ///
    /// The call waits for the writes of other tasks. On a client, the call fails if the program has
    /// not read all received bytes, because an attacker may have injected them. On a server, unread
    /// bytes belong to the handshake. After a failure, the connection can only be closed.
    ///
    /// - Parameters:
    ///   - configuration: Whether this side is the client or the server, and how it uses TLS. A
    ///     client needs ``TLSConfiguration/serverName``.
    ///   - timeout: The time limit for the whole handshake.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/tls(_:)`` if the handshake fails, or with
    ///     ``TLSFailure/bytesBeforeTLS(_:)`` if a client has unread bytes.
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the handshake took too long.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if TLS was already started.
    ///   - ``SocketError/Cause/incompleteWrite`` if an earlier write ended part-way.
    ///   - ``SocketError/Cause/busy`` if another task is reading.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func startTLS(
        _ configuration: TLSConfiguration, timeout: TimeLimit = .seconds(10)
    ) async throws(SocketError) {
        var deadline = Deadline(startingNow: timeout)
        try await startTLS(configuration, to: nil, &deadline)
    }

    /// Finishes the TLS handshake of an accepted connection.
    ///
    /// Call it for connections that a listener with TLS has returned, from
    /// ``Listener/accept(timeout:)`` or in a loop. These connections cannot transfer bytes before
    /// the handshake. No other connections need the call. Call it in the connection's own task, so
    /// that a slow client does not delay other clients. If the handshake has already finished, the
    /// call does nothing. After a timeout or a cancellation, call it again to continue the
    /// handshake.
    ///
    /// ```swift
    /// for try await connection in listener {
    ///     tasks.addTask {
    ///         try await connection.handshake()
    ///         try await connection.echo()
    ///     }
    /// }
    /// ```
    ///
    /// - Parameter timeout: The time limit for the whole handshake.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/tls(_:)`` if the handshake fails.
    ///   - ``SocketError/Cause/system(_:)`` if the connection broke.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the handshake took too long.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/invalidInput(_:)`` if the connection does not use TLS.
    ///   - ``SocketError/Cause/busy`` if another task is reading.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func handshake(timeout: TimeLimit = .seconds(10)) async throws(SocketError) {
        var deadline = Deadline(startingNow: timeout)
        guard let session = tlsSession else {
            throw failure(.startTLS, .invalidInput("the connection does not use TLS"))
        }
        guard !session.isEstablished else { return }
        try await beginWriting(&deadline, for: .startTLS)
        defer { source.endWriting() }
        try begin(.startTLS)
        defer { source.endReading() }
        // Another task may have finished the handshake while this one waited.
        guard !session.isEstablished else { return }
        try await handshake(session, &deadline)
    }

    /// The TLS session of the connection, or `nil` if it does not use TLS.
    var tlsSession: TLSSession? { tlsReference.objectIfCreated }

    /// Starts TLS.
    ///
    /// - Parameters:
    ///   - configuration: The configuration.
    ///   - endpoint: The endpoint of the server, which may be behind a proxy. Its host is not used
    ///     if the configuration contains a server name.
    ///   - deadline: The time limit for the handshake.
    /// - Throws: The errors of ``startTLS(_:timeout:)``.
    func startTLS(
        _ configuration: TLSConfiguration, to endpoint: Endpoint?, _ deadline: inout Deadline
    ) async throws(SocketError) {
        try await beginWriting(&deadline, for: .startTLS)
        defer { source.endWriting() }
        try begin(.startTLS)
        defer { source.endReading() }
        guard !isIncomplete else { throw failure(.startTLS, .incompleteWrite) }
        if configuration.role == .client, !input.isEmpty {
            let bytes = [UInt8](input.bytes.prefix(64))
            throw failure(.startTLS, .tls(.bytesBeforeTLS(bytes)))
        }
        let session = try prepareTLS(configuration, to: endpoint)
        input.consume(input.count)
        scanner.restart()
        try await handshake(session, &deadline)
    }

    /// Creates the connection's TLS session without starting the handshake.
    @discardableResult
    func prepareTLS(
        _ configuration: TLSConfiguration, to endpoint: Endpoint?
    ) throws(SocketError) -> TLSSession {
        do throws(WaitFailure) {
            return try createSession(configuration, to: endpoint)
        } catch {
            throw failure(.startTLS, after: error)
        }
    }

    /// Creates the TLS session as ``prepareTLS(_:to:)`` does, but throws a failure without
    /// addresses.
    @discardableResult
    func createSession(
        _ configuration: TLSConfiguration, to endpoint: Endpoint?
    ) throws(WaitFailure) -> TLSSession {
        let session: TLSSession
        do throws(TLSFailure) {
            let port = endpoint?.port ?? remoteAddress.port.map { Port($0) }
            let engine = try configuration.engine(host: endpoint?.host, port: port)
            session = TLSSession(
                engine, of: configuration, received: input.bytes)
        } catch {
            throw WaitFailure(.tls(error))
        }
        guard tlsReference.object({ session }) === session else {
            throw WaitFailure(.invalidInput("TLS has already been started"))
        }
        return session
    }

    /// Does the handshake, for a caller that has claimed both directions.
    private func handshake(
        _ session: TLSSession, _ deadline: inout Deadline
    ) async throws(SocketError) {
        do throws(WaitFailure) {
            var step = try session.waitsForPeer ? .needsInput : attempt(session)
            while true {
                while case .wantsIdentity(let hello) = step {
                    try await chooseIdentity(for: hello, session, &deadline)
                    step = try attempt(session)
                }
                if session.mustFlush { try await flush(session, &deadline) }
                if step == .finished { break }
                try deadline.beginStep()
                step = try await source.perform(.reading, &deadline) { descriptor throws(Errno) in
                    try receiveAndHandshake(descriptor, session)
                }
            }
            // The first bytes for the program may have arrived together with the last bytes of the
            // handshake. No other event would report them.
            if session.mayHaveBytes { source.reading.word.setReady() }
        } catch {
            throw failure(.startTLS, after: error)
        }
    }

    /// Continues the handshake with the bytes that the session has already received.
    private func attempt(
        _ session: TLSSession
    ) throws(WaitFailure) -> TLSSession.HandshakeStep {
        do throws(TLSFailure) {
            return try session.handshake(source.descriptor)
        } catch {
            // Send no alert here, because the session has already tried to send one.
            throw WaitFailure(.tls(error))
        }
    }

    /// Receives once, and continues the handshake.
    @inline(never)
    private func receiveAndHandshake(
        _ descriptor: Int32, _ session: TLSSession
    ) throws(Errno) -> TLSSession.HandshakeStep {
        var isShort = false
        let step: TLSSession.HandshakeStep
        if let scratch = source.encryptedScratch {
            step = try session.receiveAndHandshake(descriptor, scratch: scratch, isShort: &isShort)
        } else {
            try session.receiveForHandshake(descriptor, .dontWait, isShort: &isShort)
            // Discard the error, because the session has noted the cause, with which `failure`
            // replaces `.protocolError`.
            guard let next = try? session.handshake(descriptor) else { throw .protocolError }
            step = next
        }
        // Reading stays ready for the same reasons as in `receivePlain`.
        if !isShort || source.staysReadable { source.reading.word.setReady() }
        return step
    }

    /// Passes the session the identity for the client that sent `hello`.
    ///
    /// This method is not inlined, because otherwise the frame of every waiting handshake would
    /// include the frame of this method.
    @inline(never)
    private func chooseIdentity(
        for hello: TLSClientHello, _ session: TLSSession, _ deadline: inout Deadline
    ) async throws(WaitFailure) {
        session.use(try await identity(for: hello, session.identityChooser, &deadline))
    }

    /// Returns the identity for the client that sent `hello`.
    ///
    /// If the deadline passes first, the method cancels the choice and throws.
    private func identity(
        for hello: TLSClientHello, _ chooser: TLSIdentityChooser?, _ deadline: inout Deadline
    ) async throws(WaitFailure) -> TLSIdentityChoice {
        let choose: @Sendable (TLSClientHello) async throws -> TLSIdentity?
        switch chooser {
        case .synchronous(let choose): return TLSIdentityChoice(for: hello, choose)
        case .asynchronous(let closure): choose = closure
        case nil: return .failure(.noIdentity(serverName: hello.serverName, reason: nil))
        }
        deadline.start()
        let remaining = deadline.remaining
        let choice = await withTaskGroup(of: TLSIdentityChoice?.self) { group in
            group.addTask { await TLSIdentityChoice(for: hello, choose) }
            if let remaining {
                group.addTask {
                    try? await Task.sleep(for: remaining)
                    return nil
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        if Task.isCancelled { throw WaitFailure(.cancelled) }
        guard let choice else { throw WaitFailure(deadline.cause) }
        return choice
    }

    /// Makes one attempt to receive decrypted bytes, and marks reading as ready if another attempt
    /// may succeed.
    @inline(never)
    func receiveDecrypted(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        guard let session = tlsSession else { return 0 }
        var isShort = false
        let outcome = try session.receive(
            descriptor, into: buffer, scratch: source.encryptedScratch, .dontWait,
            isShort: &isShort)
        if source.lifetime.isClosed { throw .badFileDescriptor }
        // Reading stays ready for the same reasons as in `receivePlain`.
        let mayHaveMore = !isShort || source.staysReadable
        switch outcome {
        case .bytes(let count, let hasMore):
            if hasMore || mayHaveMore { source.reading.word.setReady() }
            return count
        case .end:
            source.reading.word.setReady()
            isAtEnd = true
            return 0
        case .nothing:
            throw mayHaveMore ? .interrupted : .wouldBlock
        }
    }

    /// Makes one attempt to send encrypted bytes, and marks writing as ready if another attempt may
    /// succeed.
    ///
    /// The next attempt after `.wouldBlock` must begin with the same bytes; see
    /// ``TLSSession/write(_:_:scratch:)``.
    @inline(never)
    func sendEncrypted(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer
    ) throws(Errno) -> Int {
        guard let session = tlsSession else { return 0 }
        let count = try attemptWrite { () throws(Errno) in
            try session.write(descriptor, bytes, scratch: source.encryptedScratch)
        }
        source.writing.word.setReady()
        return count
    }

    /// Makes one attempt to send the next bytes of several arrays, as the overload for one buffer
    /// does.
    @inline(never)
    func sendEncrypted(_ descriptor: Int32, _ cursor: GatherCursor) throws(Errno) -> Int {
        // Join the arrays, because encryption copies the bytes into a TLS record anyway.
        let bytes = cursor.joined(atMost: 65536)
        return try bytes.span.bytes.withUnsafeBytes { bytes throws(Errno) in
            try sendEncrypted(descriptor, bytes)
        }
    }

    /// Waits until the kernel has accepted all encrypted bytes.
    @inline(never)
    func flush(_ session: TLSSession, _ deadline: inout Deadline) async throws(WaitFailure) {
        guard session.hasUnsent else { return }
        try await performWrite(&deadline) { descriptor throws(Errno) in
            guard try session.flush(descriptor) else { throw .wouldBlock }
        }
    }

    /// Sends TLS's closing alert (close_notify), and waits until the kernel has accepted it.
    ///
    /// The caller must have claimed the writing direction.
    func sendEnd(_ session: TLSSession, _ deadline: inout Deadline) async throws(SocketError) {
        do throws(WaitFailure) {
            try await performWrite(&deadline, session.end)
        } catch {
            throw failure(.shutdown, after: error)
        }
    }

    /// Repeats an attempt to send until it succeeds or fails.
    private func performWrite(
        _ deadline: inout Deadline, _ attempt: (Int32) throws(Errno) -> Void
    ) async throws(WaitFailure) {
        try await source.perform(.writing, &deadline) { descriptor throws(Errno) in
            try attemptWrite { () throws(Errno) in try attempt(descriptor) }
            source.writing.word.setReady()
        }
    }

    /// Closes `direction` in TLS, before the caller closes it with shutdown(2).
    @inline(never)
    func endTLS(_ direction: ShutdownDirection) throws(SocketError) {
        guard let session = tlsSession else { return }
        if direction != .write { session.ignoreTruncation() }
        guard direction != .read else { return }
        try call(.shutdown, nil) { descriptor throws(Errno) in try session.end(descriptor) }
    }

    /// Sends TLS's closing alert (close_notify) before the descriptor is closed, if the kernel
    /// accepts it at once.
    @inline(never)
    func endTLSBeforeClose() {
        guard let session = tlsSession, source.enter() else { return }
        defer { source.leave() }
        // Send no alert before a reset, because the peer would take the stream for complete.
        guard !source.linger.resets(source.descriptor) else { return }
        try? session.end(source.descriptor)
        session.discardUnread(source.descriptor)
    }
}
