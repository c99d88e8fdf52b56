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
        guard endpoint.mayBlock else {
            return try Resolver.resolve(
                endpoint, family: family, forBinding: forBinding, deadline: deadline)
        }
        return try await answer(
            until: deadline, using: endpoint.lookupThreads, on: loop
        ) { () throws(SocketError) in
            try Resolver.resolve(endpoint, family: family, forBinding: forBinding)
        }
    }

    /// Calls `question` on a separate thread and returns its answer.
    ///
    /// The thread is abandoned at the deadline or when the task is cancelled. `loop` runs the
    /// timer.
    ///
    /// - Throws: The error of `question`, or ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the deadline has passed. A later answer is
    ///     discarded.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled. A later answer is discarded.
    ///   - ``SocketError/Cause/system(_:)`` with the operation
    ///     ``SocketError/Operation/startLookup`` if no thread can be started.
    static func answer<Answer: Sendable>(
        until deadline: Deadline, using threads: LookupThreads = .shared, on loop: EventLoop,
        to question: @escaping @Sendable () throws(SocketError) -> Answer
    ) async throws(SocketError) -> Answer {
        try checkForEnd(deadline)
        try loop.checkStarted()
        let answer = Lock<Result<Answer, SocketError>?>(nil)
        let wakeup = Wakeup()
        let call: LookupThreads.Call
        do throws(Errno) {
            call = try threads.start {
                let result = Result(catching: question)
                return {
                    answer.withLock { $0 = result }
                    wakeup.wake()
                }
            }
        } catch {
            throw SocketError(.startLookup, .system(error))
        }
        var deadline = deadline
        while true {
            wakeup.reset()
            if let result = answer.withLock({ $0 }) { return try result.get() }
            do throws(SocketError) {
                try checkForEnd(deadline)
            } catch {
                let hasBegun = threads.abandon(call)
                throw error.with(hint: hasBegun || !error.isTimeout ? nil : queueHint(threads))
            }
            await wakeup.wait(until: deadline.start(), on: loop)
        }
    }

    /// Throws if the task is cancelled or the deadline has passed.
    private static func checkForEnd(_ deadline: Deadline) throws(SocketError) {
        guard !Task.isCancelled else { throw SocketError(.resolve, .cancelled) }
        guard !deadline.hasPassed else { throw SocketError(.resolve, deadline.cause) }
    }
}

extension OwnedSocket {
    /// Creates a socket that is bound to an endpoint.
    ///
    /// Unless it is a datagram socket, it listens.
    static func bound(
        on endpoint: Endpoint, _ timeout: TimeLimit, _ options: ListenOptions, _ group: LoopGroup
    ) async throws(SocketError) -> OwnedSocket {
        do throws(SocketError) {
            let addresses = try await Lookup.addresses(
                of: endpoint, options.family, forBinding: true,
                until: Deadline(startingNow: timeout), on: group.loops[0])
            return try bound(toOneOf: addresses, of: endpoint, options)
        } catch {
            throw error.with(endpoint: endpoint)
        }
    }
}

extension Endpoint {
    /// Throws an error unless the endpoint's sockets have one of the given types.
    func require(
        _ type: SocketType, or other: SocketType? = nil, for operation: SocketError.Operation
    ) throws(SocketError) {
        guard transport.socketType != type, transport.socketType != other else { return }
        let schemes = Transport.allCases
            .filter { $0.socketType == type || $0.socketType == other }
            .map { $0.isUnix ? "\($0):" : "\($0)://" }
        let others = schemes.dropLast().joined(separator: ", ")
        let expected = (others.isEmpty ? [] : [others]) + schemes.suffix(1)
        throw SocketError(
            operation,
            .invalidInput("the endpoint must be \(expected.joined(separator: " or "))"),
            endpoint: self)
    }
}
