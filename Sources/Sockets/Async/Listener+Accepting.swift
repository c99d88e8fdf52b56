internal import Logging
internal import SystemPackage

// Accepting one caller after another, come what may.
extension Listener: AsyncSequence {
    /// A caller who has been accepted.
    public typealias Element = Connection
    /// What ends the sequence early.
    public typealias Failure = SocketError

    /// The callers, one after another, until the listener is closed.
    ///
    /// Callers that hang up are passed over; while descriptors or memory run short, it waits and
    /// tries again, and the callers stay in the queue. One task accepts at a time.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(acceptor: Acceptor(self, into: ConnectionSlots(nil), logger: nil))
    }

    /// Waits for the callers of a listener.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var acceptor: Acceptor

        /// Waits for the next caller; nil when the listener has been closed.
        ///
        /// - Throws: `.cancelled` and `.busy`; `.system` if the socket itself is broken;
        ///   `.invalidInput` if the listener is sharded.
        public mutating func next() async throws(SocketError) -> Connection? {
            let listener = acceptor.listener
            do throws(EndOfWait) {
                try listener.beginAccepting()
                defer { listener.source.end(.reading) }
                return try await acceptor.next { listener.group.next() }
            } catch {
                guard error.cause != .closed else { return nil }
                throw listener.failure(error.cause)
            }
        }

        /// Waits for the next caller, as `next()`, for any actor.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(SocketError) -> Connection? {
            try await next()
        }
    }
}

/// Accepts callers of a listener under an `AcceptBackoff`. Whoever uses it holds the listener's
/// reading direction.
struct Acceptor {
    let listener: Listener
    private let places: ConnectionSlots
    private let logger: Logger?
    private var policy = AcceptBackoff()

    init(_ listener: Listener, into places: ConnectionSlots, logger: Logger?) {
        self.listener = listener
        self.places = places
        self.logger = logger
    }

    /// Waits for the next caller, and makes a connection of him on the loop that `loop` gives. He
    /// has a place, which somebody else has to end with `leave`.
    mutating func next(on loop: () -> EventLoop) async throws(EndOfWait) -> Connection {
        var never = WaitDeadline(.never)
        while true {
            do throws(EndOfWait) {
                let caller = try await listener.source.perform(.reading, &never) {
                    descriptor throws(Errno) in try accept(descriptor)
                }
                guard let caller else {
                    try await awaitRoom()
                    continue
                }
                let connection = try connection(of: caller, on: loop())
                policy.accepted()
                return connection
            } catch {
                try await handle(error)
            }
        }
    }

    /// The next caller; nil if there is no place for him, and he stays in the queue.
    ///
    /// A place is taken only for the attempt: who kept one while nobody calls would keep it from
    /// the callers of the listener's other sockets.
    @inline(__always)
    private mutating func accept(_ descriptor: Int32) throws(Errno) -> Listener.Caller? {
        guard places.take() else {
            listener.source.reading.word.setReady()
            return nil
        }
        do throws(Errno) {
            let caller = try Listener.Caller(System.accept(descriptor, blocking: false))
            listener.source.reading.word.setReady()
            return caller
        } catch {
            places.giveBack()
            if error == .wouldBlock { policy.queueIsEmpty() }
            throw error
        }
    }

    private func connection(
        of caller: Listener.Caller, on loop: EventLoop
    ) throws(EndOfWait) -> Connection {
        do throws(EndOfWait) {
            return try listener.connection(of: caller, on: loop)
        } catch {
            places.giveBack()
            throw error
        }
    }

    private func awaitRoom() async throws(EndOfWait) {
        listener.relief.reset()
        guard !listener.isClosed else { throw EndOfWait(.closed) }
        await places.awaitRoom(listener.relief, on: listener.source.loop)
        try checkForEnd()
    }

    private mutating func handle(_ failure: EndOfWait) async throws(EndOfWait) {
        guard case .system(let error) = failure.cause else { throw failure }
        switch policy.failed(error) {
        case .goOn:
            break
        case .pause(let nanoseconds, let isNews):
            if isNews {
                logger?.warning(
                    "cannot accept callers for the moment; they wait in the queue",
                    metadata: [
                        "address": "\(listener.localAddress)", "error": "\(error)",
                    ])
            }
            try await pause(nanoseconds)
        case .fail:
            throw failure
        }
    }

    /// Waits for better times: until the pause is over, or somebody says that they may have come.
    private func pause(_ nanoseconds: Int64) async throws(EndOfWait) {
        let instant = System.continuousNanoseconds() + nanoseconds
        listener.relief.reset()
        guard !listener.isClosed else { throw EndOfWait(.closed) }
        await places.awaitLeave(listener.relief, until: instant, on: listener.source.loop)
        try checkForEnd()
    }

    private func checkForEnd() throws(EndOfWait) {
        guard !listener.isClosed else { throw EndOfWait(.closed) }
        guard !Task.isCancelled else { throw EndOfWait(.cancelled) }
    }
}
