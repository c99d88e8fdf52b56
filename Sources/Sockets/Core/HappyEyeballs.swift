internal import SystemPackage

/// Decides when to try which address of a host until a connection is established, as "Happy
/// Eyeballs" (RFC 8305) specifies.
///
/// It makes no connections and reads no clock. The caller calls ``next(at:)``, carries out the
/// returned action and reports the outcome, until the attempts are finished. Each instant is the
/// time since the start.
///
/// ```swift
/// var order = HappyEyeballs(addresses: addresses, limit: .seconds(10))
/// while true {
///     switch order.next(at: now()) {
///     case .start(let index): …   // begin connecting to order.addresses[index]
///     case .wait(let until): …    // wait for an attempt to end; call order.succeeded or .failed
///     case .cancel(let index): …  // close the socket of that attempt
///     case .finish(.connected(let index)): return …
///     case .finish(.failed(let cause)): throw …  // the attempts are in order.attempts
///     }
/// }
/// ```
package struct HappyEyeballs: Sendable {
    /// The action that the caller must carry out now.
    package enum Action: Hashable, Sendable {
        /// Begin to connect to the address with this index.
        case start(Int)
        /// Wait until an attempt ends or this instant is reached. `nil` means forever.
        case wait(until: Duration?)
        /// Abandon the attempt to connect to the address with this index.
        case cancel(Int)
        /// Stop, because the attempts are finished and all cancellations were returned.
        case finish(Outcome)
    }

    /// The result of all attempts.
    package enum Outcome: Hashable, Sendable {
        /// The connection to the address with this index was established first.
        case connected(Int)
        /// No connection was established. The cause is the most informative cause of the attempts,
        /// or the cause that stopped them.
        case failed(SocketError.Cause)
    }

    /// How long an attempt runs before the next attempt starts in parallel (RFC 8305, section 5).
    package static let attemptDelay = Duration.milliseconds(250)

    /// The addresses in the order of the attempts.
    ///
    /// The families alternate, starting with the family of the first address, so a broken family
    /// delays the other family only once.
    package let addresses: [SocketAddress]

    /// The attempts that failed or were abandoned at the limit, in the order in which they started.
    package var attempts: [SocketError.Attempt] {
        states.indices.compactMap { index in
            let attempt = states[index]
            guard case .failed(let cause, let end, _) = attempt.state else { return nil }
            return SocketError.Attempt(
                address: addresses[index], cause: cause, duration: end - attempt.start)
        }
    }

    private struct Attempt {
        enum State {
            case running
            case failed(SocketError.Cause, at: Duration, isLocal: Bool)
            case connected
            case abandoned
        }
        var start: Duration
        var state = State.running
    }

    private let limit: Duration?
    private let limitCause: SocketError.Cause
    private let delay: Duration
    /// The attempts that have started.
    ///
    /// Addresses are tried in order, so an attempt and its address have the same index.
    private var states: [Attempt] = []
    private var nextStart = Duration.zero
    private var toCancel: [Int] = []
    private var outcome: Outcome?

    /// Prepares attempts to connect to these addresses, which are in order of preference.
    ///
    /// - Parameters:
    ///   - addresses: The addresses to connect to.
    ///   - limit: The time limit for all attempts together, or `nil` for no limit.
    ///   - limitCause: The cause to report at the limit. The default is a timeout with that limit.
    ///   - attemptDelay: How long an attempt runs before the next attempt starts.
    package init(
        addresses: [SocketAddress], limit: Duration? = nil,
        limitCause: SocketError.Cause? = nil, attemptDelay: Duration = attemptDelay
    ) {
        self.addresses = Self.interleaved(addresses)
        self.limit = limit
        self.limitCause = limitCause ?? .timedOut(limit: limit)
        delay = attemptDelay
    }

    /// Returns the next action.
    ///
    /// Each start and each cancellation is returned once.
    package mutating func next(at now: Duration) -> Action {
        // Make one attempt even if no time is left, because it may succeed or fail at once.
        if !states.isEmpty, let limit, now >= limit { stop(because: limitCause, at: now) }
        if !toCancel.isEmpty { return .cancel(toCancel.removeFirst()) }
        if let outcome { return .finish(outcome) }

        if states.count < addresses.count {
            guard now >= nextStart else { return .wait(until: earlier(nextStart, limit)) }
            states.append(Attempt(start: now))
            nextStart = now + delay
            return .start(states.count - 1)
        }
        if isRunning { return .wait(until: limit) }
        let outcome = Outcome.failed(mostInformativeCause)
        self.outcome = outcome
        return .finish(outcome)
    }

    /// Records that an attempt connected, and cancels the others.
    ///
    /// Later successes have no effect.
    package mutating func succeeded(_ index: Int) {
        guard outcome == nil, isRunning(index) else { return }
        states[index].state = .connected
        outcome = .connected(index)
        cancelRunning(as: .abandoned)
    }

    /// Records that an attempt failed, so the next attempt starts at once.
    ///
    /// `isLocal` is true if the attempt failed before it used the network.
    package mutating func failed(
        _ index: Int, because cause: SocketError.Cause, isLocal: Bool = false, at now: Duration
    ) {
        guard outcome == nil, isRunning(index) else { return }
        states[index].state = .failed(cause, at: now, isLocal: isLocal || cause.isLocal)
        nextStart = min(nextStart, now)
    }

    /// Ends all attempts, for example when the task is cancelled.
    package mutating func stop(because cause: SocketError.Cause, at now: Duration) {
        guard outcome == nil else { return }
        outcome = .failed(cause)
        cancelRunning(as: .failed(cause, at: now, isLocal: false))
    }
}

// MARK: Steps

extension HappyEyeballs {
    private var isRunning: Bool { states.indices.contains(where: isRunning) }

    private func isRunning(_ index: Int) -> Bool {
        guard states.indices.contains(index), case .running = states[index].state else {
            return false
        }
        return true
    }

    private mutating func cancelRunning(as state: Attempt.State) {
        for index in states.indices where isRunning(index) {
            states[index].state = state
            toCancel.append(index)
        }
    }

    private func earlier(_ instant: Duration, _ limit: Duration?) -> Duration {
        limit.map { min(instant, $0) } ?? instant
    }

    /// The first cause that is not local to this machine, or else the first cause.
    ///
    /// For example, a refused IPv4 connection is more informative than a missing IPv6 route.
    private var mostInformativeCause: SocketError.Cause {
        let failures = states.compactMap { attempt -> (cause: SocketError.Cause, isLocal: Bool)? in
            guard case .failed(let cause, _, let isLocal) = attempt.state else { return nil }
            return (cause, isLocal)
        }
        return (failures.first { !$0.isLocal } ?? failures.first)?.cause
            ?? .system(.addressNotAvailable)
    }

    /// Returns the addresses with alternating families (RFC 8305, section 4), in the original order
    /// within each family.
    private static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let family = addresses.first?.family else { return addresses }
        let first = addresses.filter { $0.family == family }
        let second = addresses.filter { $0.family != family }
        let pairs = zip(first, second).flatMap { [$0, $1] }
        return pairs + first.dropFirst(second.count) + second.dropFirst(first.count)
    }
}

extension SocketError.Cause {
    /// A Boolean value that indicates whether the attempt failed on or near this machine, before
    /// the peer could answer.
    fileprivate var isLocal: Bool {
        guard case .system(let code) = self else { return false }
        let causes: [Errno] = [
            .networkUnreachable, .noRouteToHost, .addressNotAvailable, .networkDown,
            .addressFamilyNotSupported,
        ]
        return causes.contains(code)
    }
}
