internal import SystemPackage

// Lookups that do not block the thread of the task.
extension Lookup {
    /// Returns the addresses of an endpoint, and suspends the task during a lookup; see
    /// `Resolver.resolve`.
    ///
    /// An endpoint that needs no lookup is resolved at once.
    ///
    /// - Throws: The errors of `Resolver.resolve` and of `answer(until:on:to:)`.
    static func addresses(
        of endpoint: Endpoint, _ family: AddressFamily?, forBinding: Bool = false,
        until deadline: Deadline, on loop: EventLoop
    ) async throws(SocketError) -> [SocketAddress] {
        guard endpoint.isLookedUp else {
            return try Resolver.resolve(
                endpoint, family: family, forBinding: forBinding, deadline: deadline)
        }
        return try await answer(until: deadline, on: loop) { () throws(SocketError) in
            try Resolver.resolve(endpoint, family: family, forBinding: forBinding)
        }
    }

    /// Calls `question` on a separate thread and returns its answer.
    ///
    /// The thread is abandoned at the deadline or when the task is cancelled. `loop` runs the
    /// timer.
    ///
    /// - Throws: The error of `question`; ``SocketError/Cause/timedOut(limit:)`` or
    ///   ``SocketError/Cause/cancelled``, after which an answer is discarded;
    ///   ``SocketError/Cause/system(_:)`` with `resourceTemporarilyUnavailable` if too many lookups
    ///   are running.
    static func answer<Answer: Sendable>(
        until deadline: Deadline, on loop: EventLoop,
        to question: @escaping @Sendable () throws(SocketError) -> Answer
    ) async throws(SocketError) -> Answer {
        try checkForEnd(deadline)
        if let failure = loop.failure { throw SocketError(.startEventLoop, .system(failure)) }
        let answer = Lock<Result<Answer, SocketError>?>(nil)
        let wakeup = Wakeup()
        do throws(Errno) {
            try LookupThreads.shared.start {
                let result = Result(catching: question)
                return {
                    answer.withLock { $0 = result }
                    wakeup.wake()
                }
            }
        } catch {
            throw SocketError(.resolve, .system(error))
        }
        var deadline = deadline
        while true {
            wakeup.reset()
            if let result = answer.withLock({ $0 }) { return try result.get() }
            try checkForEnd(deadline)
            await wakeup.wait(until: deadline.start(), on: loop)
        }
    }

    /// Throws if the task is cancelled or the deadline has passed.
    private static func checkForEnd(_ deadline: Deadline) throws(SocketError) {
        guard !Task.isCancelled else { throw SocketError(.resolve, .cancelled) }
        guard !deadline.hasPassed else {
            throw SocketError(.resolve, deadline.cause)
        }
    }
}

extension Endpoint {
    /// Whether resolving the endpoint needs a lookup of the host or the port.
    fileprivate var isLookedUp: Bool {
        guard let host, let port else { return false }
        return port.number == nil || !(host.isEmpty || IPAddress(host) != nil)
    }
}
