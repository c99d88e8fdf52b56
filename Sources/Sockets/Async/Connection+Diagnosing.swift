internal import SystemPackage

// Why nothing moves.
extension Connection {
    /// Looks at the connection once, and says whether it is stuck, and why.
    ///
    /// It changes nothing, and other tasks may be in the middle of reading and writing. One look does
    /// not tell a peer that reads slowly from one that does not read: see
    /// `diagnose(watching:)`.
    ///
    /// - Throws: `.closed`.
    public func diagnose() throws(SocketError) -> StallReport {
        var watch = ConnectionSamples()
        watch.add(try look())
        return watch.report(during: .nothing)
    }

    /// Watches the connection for a while, and says whether it is stuck, and why; no thread is held
    /// meanwhile.
    ///
    /// ```swift
    /// print(try await connection.diagnose(watching: .seconds(5)))
    /// ```
    ///
    /// - Parameter duration: how long to watch; zero or less is one look.
    /// - Throws: `.cancelled`, `.closed`.
    public func diagnose(watching duration: Duration) async throws(SocketError) -> StallReport {
        var watch = ConnectionSamples()
        while let pause = watch.pause(of: duration.clamped) {
            if pause > .zero {
                let (seconds, attoseconds) = pause.components
                let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
                await Wakeup().wait(
                    until: System.continuousNanoseconds() + nanoseconds, on: source.loop)
            }
            guard !Task.isCancelled else { throw failure(.diagnose, .cancelled) }
            watch.add(try look())
        }
        return watch.report(during: .nothing)
    }

    private func look() throws(SocketError) -> ConnectionStatistics {
        guard source.enter() else { throw failure(.diagnose, .closed) }
        defer { source.leave() }
        return ConnectionStatistics(reading: source.descriptor)
    }

    /// Why nothing moved until a time limit ended an operation; nil for other failures.
    ///
    /// Only now is the kernel asked: what works pays nothing.
    /// - Parameter sent: how many bytes the operation has written.
    @inline(never)
    func stallReport(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, sent: Int
    ) -> StallReport? {
        // What does not wait has found nothing stuck.
        guard case .timedOut(let limit) = cause, limit != .zero,
            let kind = Activity.Kind(operation), source.enter()
        else { return nil }
        defer { source.leave() }
        // What has come belongs to who reads, and a writer must not look at it.
        let received = kind == .writing ? 0 : input.count
        let activity = Activity(
            kind, elapsed: limit, sent: kind == .reading ? 0 : sent, received: received)
        return .analyze(nil, ConnectionStatistics(reading: source.descriptor), during: activity)
    }
}
