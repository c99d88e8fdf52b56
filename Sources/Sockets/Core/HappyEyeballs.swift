internal import SystemPackage

/// Decides which address of a host is tried when, until one connection stands: "happy eyeballs"
/// (RFC 8305).
///
/// The race makes no connections and reads no clock. Whoever runs it asks ``next(at:)`` what to do
/// until the race is finished, does it, and reports what came of it; every instant is the time
/// since the start.
///
/// ```swift
/// var race = HappyEyeballs(addresses: addresses, limit: .seconds(10))
/// while true {
///     switch race.next(at: now()) {
///     case .start(let index): …   // begin connecting to race.addresses[index]
///     case .wait(let until): …    // for an attempt to end; then race.succeeded or race.failed
///     case .cancel(let index): …  // close that attempt's socket
///     case .finish(.connected(let index)): return …
///     case .finish(.failed(let cause)): throw …  // race.attempts tells the whole story
///     }
/// }
/// ```
package struct HappyEyeballs: Sendable {
    /// What whoever runs the race must do now.
    package enum Action: Hashable, Sendable {
        /// Begin to connect to the address with this index.
        case start(Int)
        /// Do nothing until an attempt ends, or this instant has come; nil is for ever.
        case wait(until: Duration?)
        /// Give up the attempt at the address with this index; its outcome no longer matters.
        case cancel(Int)
        /// The race is over, and nothing is left to cancel.
        case finish(Outcome)
    }

    /// How a race ends.
    package enum Outcome: Hashable, Sendable {
        /// The address with this index answered first.
        case connected(Int)
        /// None answered: the cause that says most, or what ended the race.
        case failed(SocketError.Cause)
    }

    /// How long an attempt is waited for before the next one starts beside it (RFC 8305, section 5).
    package static let attemptDelay = Duration.milliseconds(250)

    /// The addresses in the order in which they are tried: families take turns, beginning with
    /// that of the first address, so that a broken family delays the other only once.
    package let addresses: [SocketAddress]

    /// The attempts that failed, or were given up at the limit, in the order in which they began.
    package var attempts: [SocketError.Attempt] {
        runners.indices.compactMap { index in
            let runner = runners[index]
            guard case .failed(let cause, let end) = runner.state else { return nil }
            return SocketError.Attempt(
                address: addresses[index], cause: cause, duration: end - runner.start)
        }
    }

    private struct Runner {
        enum State {
            case running
            case failed(SocketError.Cause, at: Duration)
            case won
            case lost
        }
        var start: Duration
        var state = State.running
    }

    private let limit: Duration?
    private let limitCause: SocketError.Cause
    private let delay: Duration
    /// One for each attempt that was begun; addresses are tried in order, so the indices agree.
    private var runners: [Runner] = []
    private var nextStart = Duration.zero
    private var toCancel: [Int] = []
    private var outcome: Outcome?

    /// Prepares a race to these addresses, in the order of preference.
    ///
    /// - Parameters:
    ///   - limit: How long the whole race may take; nil for ever.
    ///   - limitCause: The cause that a race has which ends at the limit; by default a time-out
    ///     that names the limit.
    package init(
        addresses: [SocketAddress], limit: Duration? = nil,
        limitCause: SocketError.Cause? = nil, attemptDelay: Duration = attemptDelay
    ) {
        self.addresses = Self.interleaved(addresses)
        self.limit = limit
        self.limitCause = limitCause ?? .timedOut(limit: limit)
        delay = attemptDelay
    }

    /// What is to be done now; never the same start or cancellation twice.
    package mutating func next(at now: Duration) -> Action {
        // Even without any time one attempt is made: it may succeed, or be refused, at once.
        if !runners.isEmpty, let limit, now >= limit { stop(because: limitCause, at: now) }
        if !toCancel.isEmpty { return .cancel(toCancel.removeFirst()) }
        if let outcome { return .finish(outcome) }

        if runners.count < addresses.count {
            guard now >= nextStart else { return .wait(until: earlier(nextStart, limit)) }
            runners.append(Runner(start: now))
            nextStart = now + delay
            return .start(runners.count - 1)
        }
        if isRunning { return .wait(until: limit) }
        let outcome = Outcome.failed(mostTellingCause)
        self.outcome = outcome
        return .finish(outcome)
    }

    /// Reports that an attempt connected. Only the first one counts; the others are to be
    /// cancelled, as is this one when the race was over.
    package mutating func succeeded(_ index: Int) {
        guard outcome == nil, isRunning(index) else { return }
        runners[index].state = .won
        outcome = .connected(index)
        cancelRunning(as: .lost)
    }

    /// Reports that an attempt failed: the next one need not wait any longer.
    package mutating func failed(_ index: Int, because cause: SocketError.Cause, at now: Duration) {
        guard outcome == nil, isRunning(index) else { return }
        runners[index].state = .failed(cause, at: now)
        nextStart = min(nextStart, now)
    }

    /// Ends the race from outside, for example when its task is cancelled.
    package mutating func stop(because cause: SocketError.Cause, at now: Duration) {
        guard outcome == nil else { return }
        outcome = .failed(cause)
        cancelRunning(as: .failed(cause, at: now))
    }
}

// MARK: Steps of a race

extension HappyEyeballs {
    private var isRunning: Bool { runners.indices.contains(where: isRunning) }

    private func isRunning(_ index: Int) -> Bool {
        guard runners.indices.contains(index), case .running = runners[index].state else {
            return false
        }
        return true
    }

    private mutating func cancelRunning(as state: Runner.State) {
        for index in runners.indices where isRunning(index) {
            runners[index].state = state
            toCancel.append(index)
        }
    }

    private func earlier(_ instant: Duration, _ limit: Duration?) -> Duration {
        limit.map { min(instant, $0) } ?? instant
    }

    /// Of several causes the first that the peer had a part in: that this machine has no way to
    /// IPv6 tells little about a host whose IPv4 address refused.
    private var mostTellingCause: SocketError.Cause {
        let causes = attempts.map(\.cause)
        return causes.first { !$0.isAboutTheWay } ?? causes.first
            ?? .system(.addressNotAvailable)
    }

    /// The addresses with their families taking turns (RFC 8305, section 4), each family in its
    /// own order.
    private static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let family = addresses.first?.family else { return addresses }
        let first = addresses.filter { $0.family == family }
        let second = addresses.filter { $0.family != family }
        let pairs = zip(first, second).flatMap { [$0, $1] }
        return pairs + first.dropFirst(second.count) + second.dropFirst(first.count)
    }
}

extension SocketError.Cause {
    /// Whether the way there failed on this machine or near it, before the peer had a say.
    fileprivate var isAboutTheWay: Bool {
        guard case .system(let code) = self else { return false }
        let causes: [Errno] = [
            .networkUnreachable, .noRouteToHost, .addressNotAvailable, .networkDown,
            .addressFamilyNotSupported,
        ]
        return causes.contains(code)
    }
}
