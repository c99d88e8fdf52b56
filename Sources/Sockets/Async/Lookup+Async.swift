internal import SystemPackage

// The same for tasks, which must not block the thread that runs them.
extension Lookup {
    /// The addresses of an endpoint, for a task, which suspends meanwhile; see `Resolver.resolve`.
    ///
    /// Who names nothing that has to be looked up is answered on the spot.
    ///
    /// - Throws: as `Resolver.resolve`, and as `answer(until:on:to:)`.
    static func addresses(
        of endpoint: Endpoint, _ family: AddressFamily?, passive: Bool = false,
        until deadline: Deadline, on loop: EventLoop
    ) async throws(SocketError) -> [SocketAddress] {
        guard endpoint.isLookedUp else {
            return try Resolver.resolve(endpoint, family: family, passive: passive)
        }
        return try await answer(until: deadline, on: loop) { () throws(SocketError) in
            try Resolver.resolve(endpoint, family: family, passive: passive)
        }
    }

    /// The answer to a question that may block, asked on a thread of its own, which is left to itself
    /// at the deadline and when the task is cancelled.
    ///
    /// - Parameter loop: it watches the clock.
    /// - Throws: as `question`; `.timedOut` and `.cancelled`, and then what is still answered is
    ///   dropped; `.system(.resourceTemporarilyUnavailable)` when too many look-ups run already.
    static func answer<Answer: Sendable>(
        until deadline: Deadline, on loop: EventLoop,
        to question: @escaping @Sendable () throws(SocketError) -> Answer
    ) async throws(SocketError) -> Answer {
        try checkForEnd(deadline)
        if let failure = loop.failure { throw SocketError(.startEventLoop, .system(failure)) }
        let answer = Lock<Result<Answer, SocketError>?>(nil)
        let wakeup = Wakeup()
        do throws(Errno) {
            try LookupThreads.lookups.start {
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

    /// Nobody is asked, or waited for, by who is cancelled or has no time left.
    private static func checkForEnd(_ deadline: Deadline) throws(SocketError) {
        guard !Task.isCancelled else { throw SocketError(.resolve, .cancelled) }
        guard !deadline.hasPassed else {
            throw SocketError(.resolve, deadline.cause)
        }
    }
}

extension Endpoint {
    /// Whether somebody has to be asked for an address or a port.
    fileprivate var isLookedUp: Bool {
        guard let host, let port else { return false }
        return port.number == nil || !(host.isEmpty || IPAddress(host) != nil)
    }
}
