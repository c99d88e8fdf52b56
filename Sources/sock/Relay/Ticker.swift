import Sockets

/// A thread that wakes tasks at given times.
///
/// Tasks use it instead of `Task.sleep`, which would start threads of the global executor.
final class Ticker: Sendable {
    private typealias Appointment = (
        time: ContinuousClock.Instant, continuation: AsyncStream<Void>.Continuation
    )

    private let appointments = Monitor<[Appointment]>([])

    /// Starts the thread.
    init() throws(Failure) {
        try Worker.startOrThrow { [appointments] in
            while true { Self.keepNext(of: appointments) }
        }
    }

    /// Yields a value to a stream after a duration.
    func wake(_ continuation: AsyncStream<Void>.Continuation, after duration: Duration) {
        appointments.update { $0.append((.now + duration, continuation)) }
    }

    /// Waits until the earliest appointment is due or an earlier one is added, and then wakes the
    /// tasks whose appointments are due.
    private static func keepNext(of appointments: Monitor<[Appointment]>) {
        let next = appointments.update { $0.map(\.time).min() }
        let limit = next.map { max(.zero, ContinuousClock.now.duration(to: $0)) }
        appointments.wait(atMost: limit) { list in
            guard let next else { return !list.isEmpty }
            return list.contains { $0.time < next }
        }
        let now = ContinuousClock.now
        let due = appointments.update { list in
            defer { list.removeAll { $0.time <= now } }
            return list.filter { $0.time <= now }
        }
        for appointment in due { appointment.continuation.yield() }
    }
}
