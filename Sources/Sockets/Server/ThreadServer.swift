internal import Logging
internal import SystemPackage

/// A call of `Socket.serve`, which accepts clients on a fixed number of threads until the listening
/// socket is closed, and then waits for the handlers.
final class ThreadServer: Sendable {
    private let listener: Socket
    private let options: ServeOptions
    private let handler: @Sendable (Socket) throws -> Void
    /// The backoff after failed accepts, in a lock that lets only one thread accept at a time.
    ///
    /// If all threads waited in accept(2), each client would wake all of them.
    private let accepting = Lock(AcceptBackoff())
    private let state = Monitor(State())

    private struct State {
        var runningThreads = 0
        var runningHandlers = 0
        /// The clients whose connections are open.
        var clients: [ObjectIdentifier: Socket] = [:]
        var closedConnections = 0
        /// A Boolean value that indicates whether the server has stopped accepting.
        var isStopping = false
        /// A Boolean value that indicates whether the grace period has passed, so no handler may
        /// begin.
        var isOver = false
        /// The error of the listening socket, if it failed.
        var failure: SocketError?
    }

    init(
        _ listener: Socket, _ options: ServeOptions,
        _ handler: @escaping @Sendable (Socket) throws -> Void
    ) {
        self.listener = listener
        self.options = options
        self.handler = handler
    }

    /// Serves until all handlers have ended.
    ///
    /// - Throws: The error of the listening socket, the error of the first thread that could not
    ///   start, or `timedOut` if the limit of a `withTimeLimit` has passed.
    func run(threads: Int) throws(SocketError) {
        // The `withTimeLimit` around `serve` also applies to the handlers, although they run on
        // other threads.
        let accept = TimeLimitScope.inheriting { self.acceptClients() }
        for _ in 0..<threads {
            state.update { $0.runningThreads += 1 }
            do throws(Errno) {
                try System.startThread(accept)
            } catch {
                state.update { $0.runningThreads -= 1 }
                stop(SocketError(.startThread, .system(error)))
                break
            }
        }
        state.wait { $0.isStopping }
        waitForHandlers()
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Waits until the handlers have ended or the grace period has passed, and then closes the
    /// remaining connections.
    private func waitForHandlers() {
        if state.wait(atMost: options.gracePeriod, until: { $0.runningThreads == 0 }) { return }
        let (clients, handlers) = state.withLock { state in
            state.isOver = true
            return (Array(state.clients.values), state.runningHandlers)
        }
        // Do not report connections whose handlers have returned, because their clients have their
        // answers.
        if handlers > 0 {
            options.logger.warning(
                "closing connections because their handlers did not finish in time",
                metadata: [
                    "address": "\(listener.localAddress)", "connections": "\(handlers)",
                ])
        }
        for client in clients { client.close() }
        state.wait { $0.runningThreads == 0 }
    }

    /// Stops accepting.
    private func stop(_ failure: SocketError?) {
        state.update { state in
            state.isStopping = true
            state.failure = state.failure ?? failure
        }
        listener.close()
    }

    // MARK: One thread

    /// Accepts clients one after another, and handles each on this thread.
    private func acceptClients() {
        while let client = nextClient() { handle(client) }
        state.update { $0.runningThreads -= 1 }
    }

    /// Waits for the next client.
    ///
    /// Returns `nil` if the server has stopped.
    private func nextClient() -> Socket? {
        accepting.withLock { backoff in
            while true {
                do throws(SocketError) {
                    let client = try accept(&backoff)
                    backoff.accepted()
                    return client
                } catch {
                    // An error without an `errno` is either `closed` or the timeout of a
                    // `withTimeLimit`.
                    guard let code = error.errno else {
                        stop(error.isTimeout ? error : nil)
                        return nil
                    }
                    switch backoff.failed(code) {
                    case .retry: break
                    case .pause(let nanoseconds, let isFirst):
                        if isFirst { logShortage(code) }
                        pause(.nanoseconds(nanoseconds))
                    case .fail:
                        stop(error)
                        return nil
                    }
                }
            }
        }
    }

    private func accept(_ backoff: inout AcceptBackoff) throws(SocketError) -> Socket {
        do throws(SocketError) {
            return try listener.accept(timeout: .seconds(0))
        } catch {
            guard error.isTimeout else { throw error }
        }
        backoff.backlogIsEmpty()
        return try listener.accept()
    }

    /// Waits until the duration has passed, a closed connection has freed a descriptor, or the
    /// listening socket is closed.
    private func pause(_ duration: Duration) {
        let deadline = Deadline(startingNow: TimeLimit(duration))
        let closed = state.withLock { $0.closedConnections }
        // Closing the listening socket does not wake this thread, so wait in slices.
        while !deadline.hasPassed, !listener.isClosed {
            let slice = Duration.microseconds(WaitPlan.slice)
            let remaining = min(deadline.remaining ?? slice, slice)
            if state.wait(atMost: remaining, until: { $0.closedConnections != closed }) { return }
        }
    }

    private func logShortage(_ code: Errno) {
        options.logger.warning(
            "cannot accept connections at the moment, so clients wait in the backlog",
            metadata: ["address": "\(listener.localAddress)", "error": "\(code)"])
    }

    private func handle(_ client: Socket) {
        guard begin(client) else { return client.close() }
        defer {
            state.update { state in
                state.clients[ObjectIdentifier(client)] = nil
                state.closedConnections += 1
            }
        }
        do {
            defer { state.update { $0.runningHandlers -= 1 } }
            try handler(client)
        } catch {
            options.logger.handlerFailed(
                error, on: listener.localAddress, local: client.localAddress,
                remote: client.remoteAddress)
            return client.close()
        }
        // Discard the bytes that the client still sends. Otherwise, the kernel would reset the
        // connection, and the client could lose the answer.
        client.finish(timeout: .seconds(2))
    }

    /// Records that a handler begins.
    ///
    /// Returns `false` if the grace period has passed, because nothing would close the connection
    /// then.
    private func begin(_ client: Socket) -> Bool {
        state.withLock { state in
            guard !state.isOver else { return false }
            state.runningHandlers += 1
            state.clients[ObjectIdentifier(client)] = client
            return true
        }
    }
}
