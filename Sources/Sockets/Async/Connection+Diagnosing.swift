internal import SystemPackage

extension Connection {
    /// Reports whether and why the connection is stalled, from one sample of the kernel's figures.
    ///
    /// The call has no side effects, and other tasks may read and write meanwhile. One sample
    /// cannot distinguish a peer that reads slowly from a peer that does not read; see
    /// ``diagnose(watching:)``.
    ///
    /// ```swift
    /// print(try connection.diagnose())
    /// ```
    ///
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/closed`` if the connection was
    ///   closed on this side.
    public func diagnose() throws(SocketError) -> StallReport {
        var watch = ConnectionSamples()
        watch.add(try sample())
        return watch.report(during: .nothing)
    }

    /// Watches the connection for a duration, and reports whether and why it is stalled.
    ///
    /// ```swift
    /// print(try await connection.diagnose(watching: .seconds(5)))
    /// ```
    ///
    /// - Parameter duration: How long to watch. If the duration is zero or less, the call takes one
    ///   sample.
    /// - Returns: The report.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled.
    ///   - ``SocketError/Cause/closed`` if the connection was closed on this side.
    public func diagnose(watching duration: Duration) async throws(SocketError) -> StallReport {
        var watch = ConnectionSamples()
        while let pause = watch.pause(of: duration.clamped) {
            if pause > .zero {
                await Wakeup().wait(
                    until: System.continuousNanoseconds() + pause.nanosecondsRoundedUp,
                    on: source.loop)
            }
            guard !Task.isCancelled else { throw failure(.diagnose, .cancelled) }
            watch.add(try sample())
        }
        return watch.report(during: .nothing)
    }

    private func sample() throws(SocketError) -> ConnectionStatistics {
        guard source.enter() else { throw failure(.diagnose, .closed) }
        defer { source.leave() }
        return ConnectionStatistics(reading: source.descriptor)
    }

    /// Returns why an operation was stalled until its timeout, or `nil` for other failures.
    ///
    /// The kernel is queried only after a timeout, so successful operations have no extra cost.
    /// `sent` is the number of bytes that the operation has written.
    @inline(never)
    func stallReport(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, sent: Int
    ) -> StallReport? {
        // Skip operations with a limit of zero, because an operation that did not wait was not
        // stalled.
        guard case .timedOut(let limit) = cause, limit != .zero,
            let kind = Activity.Kind(operation), source.enter()
        else { return nil }
        defer { source.leave() }
        // `input` belongs to the reading task, so a writing task must not read it.
        let received = kind == .writing ? 0 : input.count
        let activity = Activity(
            kind, elapsed: limit, sent: kind == .reading ? 0 : sent, received: received)
        return .analyze(nil, ConnectionStatistics(reading: source.descriptor), during: activity)
    }
}
