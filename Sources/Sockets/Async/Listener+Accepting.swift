internal import Logging
internal import SystemPackage

extension Listener: AsyncSequence {
    /// An accepted connection.
    public typealias Element = Connection
    /// The error that ends the sequence early.
    public typealias Failure = SocketError

    /// Returns an iterator over the accepted connections, which ends when the listener is closed.
    ///
    /// The iterator skips clients that disconnect before they are accepted. While descriptors or
    /// memory run short, it retries, and the clients stay in the kernel's backlog. Only one task at
    /// a time may accept. With TLS, call ``Connection/handshake(timeout:)`` first in the
    /// connection's own task.
    ///
    /// ```swift
    /// for try await connection in listener { tasks.addTask { try await connection.echo() } }
    /// ```
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(acceptor: Acceptor(self, into: ConnectionSlots(nil), logger: nil))
    }

    /// An iterator over the connections of a listener.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var acceptor: Acceptor

        /// Waits for the next connection.
        ///
        /// Returns `nil` when the listener has been closed.
        ///
        /// - Throws: ``SocketError`` with one of these causes:
        ///   - ``SocketError/Cause/timedOut(limit:)`` if the call is inside a `withTimeLimit` whose
        ///     limit has passed.
        ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
        ///   - ``SocketError/Cause/busy`` if another task accepts from the listener.
        ///   - ``SocketError/Cause/system(_:)`` if the listening socket itself fails.
        ///   - ``SocketError/Cause/invalidInput(_:)`` if the listener is sharded, or if it is on a
        ///     sequenced-packet socket.
        public mutating func next() async throws(SocketError) -> Connection? {
            let listener = acceptor.listener
            do throws(WaitFailure) {
                try listener.beginAccepting()
                defer { listener.source.endReading() }
                let connection = try await acceptor.next { listener.group.next() }
                return try listener.withSession(connection)
            } catch {
                guard error.cause != .closed else { return nil }
                throw listener.failure(error.cause)
            }
        }

        /// Waits for the next connection, in the isolation of `actor`.
        ///
        /// See ``next()``.
        ///
        /// - Throws: The errors of ``next()``.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(SocketError) -> Connection? {
            try await next()
        }
    }
}

/// Accepts the clients of one listening socket, and applies the connection limit and the backoff.
///
/// The caller must have called `beginReading()` on the listener's source, which excludes other
/// accepting tasks.
struct Acceptor {
    let listener: Listener
    private let slots: ConnectionSlots
    private let logger: Logger?
    private var backoff = AcceptBackoff()

    init(_ listener: Listener, into slots: ConnectionSlots, logger: Logger?) {
        self.listener = listener
        self.slots = slots
        self.logger = logger
    }

    /// Waits for the next client, and returns a connection on the loop that `loop` returns.
    ///
    /// The connection occupies a slot, which the caller must release.
    mutating func next(on loop: () -> EventLoop) async throws(WaitFailure) -> Connection {
        var never = Deadline(.never)
        while true {
            do throws(WaitFailure) {
                let accepted = try await listener.source.perform(.reading, &never) {
                    descriptor throws(Errno) in try accept(descriptor)
                }
                guard let accepted else {
                    try await waitForSlot()
                    continue
                }
                let connection = try connection(for: accepted, on: loop())
                backoff.accepted()
                return connection
            } catch {
                try await handle(error)
            }
        }
    }

    /// Accepts the next client, or returns `nil` and leaves the client in the backlog if no slot is
    /// free.
    ///
    /// The slot is released if no client is waiting, because otherwise the other shards could not
    /// use it.
    @inline(__always)
    private mutating func accept(_ descriptor: Int32) throws(Errno) -> Listener.AcceptedPeer? {
        guard slots.acquire() else {
            listener.source.reading.word.setReady()
            return nil
        }
        do throws(Errno) {
            try listener.keepNonblocking(descriptor)
            let accepted = try Listener.AcceptedPeer(System.accept(descriptor, blocking: false))
            listener.source.reading.word.setReady()
            return accepted
        } catch {
            slots.cancelAcquire()
            if error == .wouldBlock { backoff.backlogIsEmpty() }
            throw error
        }
    }

    private func connection(
        for accepted: consuming Listener.AcceptedPeer, on loop: EventLoop
    ) throws(WaitFailure) -> Connection {
        do throws(WaitFailure) {
            return try listener.connection(for: accepted, on: loop)
        } catch {
            slots.cancelAcquire()
            throw error
        }
    }

    private func waitForSlot() async throws(WaitFailure) {
        listener.retryWakeup.reset()
        guard !listener.isClosed else { throw WaitFailure(.closed) }
        await slots.waitForSlot(
            listener.retryWakeup, until: TimeLimitScope.currentEnd, on: listener.source.loop)
        try checkStopped()
    }

    private mutating func handle(_ failure: WaitFailure) async throws(WaitFailure) {
        guard case .system(let error) = failure.cause else { throw failure }
        switch backoff.failed(error) {
        case .retry: break
        case .pause(let nanoseconds, let isFirst):
            if isFirst {
                logger?.warning(
                    "cannot accept connections at the moment, so clients wait in the backlog",
                    metadata: [
                        "address": "\(listener.localAddress)", "error": "\(error)",
                    ])
            }
            try await pause(nanoseconds)
        case .fail: throw failure
        }
    }

    /// Waits until the pause is over, a connection has closed or the listener is closed.
    private func pause(_ nanoseconds: Int64) async throws(WaitFailure) {
        let instant = Swift.min(
            System.continuousNanoseconds() + nanoseconds, TimeLimitScope.currentEnd)
        listener.retryWakeup.reset()
        guard !listener.isClosed else { throw WaitFailure(.closed) }
        await slots.waitForRelease(listener.retryWakeup, until: instant, on: listener.source.loop)
        try checkStopped()
    }

    private func checkStopped() throws(WaitFailure) {
        guard !listener.isClosed else { throw WaitFailure(.closed) }
        guard !Task.isCancelled else { throw WaitFailure(.cancelled) }
        try TimeLimitScope.check()
    }
}
