internal import CSockets

extension System {
    /// A Boolean value that indicates whether any call of `withTimeLimit` runs in the process.
    ///
    /// Reading the property costs one load and no synchronization. A task or a thread that runs
    /// inside such a call always reads `true`, because the call was counted before the task or the
    /// thread began.
    @inline(__always)
    static var hasTimeLimits: Bool { csockets_has_time_limits() != 0 }

    /// Counts a call of `withTimeLimit` that begins.
    static func beginTimeLimit() { csockets_count_time_limits(1) }

    /// Removes a call of `withTimeLimit` that has ended from the count.
    static func endTimeLimit() { csockets_count_time_limits(-1) }
}
