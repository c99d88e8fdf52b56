/// The way in which an operation waits.
///
/// The plan depends on two facts: whether the kernel's timeout reliably ends the operation's wait
/// in the kernel, and whether a shutdown does.
///
/// This type performs no I/O. `Socket.perform` carries out the plan.
enum WaitPlan {
    /// The call waits in the kernel under the kernel's timeout. A shutdown wakes the call.
    case inKernel
    /// The call waits in the kernel only if it has no limit. `SO_SNDTIMEO` does not limit a Unix
    /// stream send, because the kernel restarts the timeout for each buffer that it fills.
    case inKernelUnlessLimited
    /// The call repeatedly waits in the kernel, for at most `slice` each time, because a shutdown
    /// does not wake it. This applies to sending a Unix datagram to a full peer, and to connecting
    /// to a full Unix backlog.
    case inSlices
    /// The descriptor is nonblocking, and the operation waits with poll. accept needs this because
    /// it has no flag that prevents waiting.
    case pollOnly

    /// The longest wait in microseconds under `inSlices`, which limits how late a waiting call
    /// detects `close`.
    static let slice: UInt64 = 50_000

    /// Returns the timeout in microseconds for a wait in the kernel, 0 for no timeout, or `nil` if
    /// the call must not wait in the kernel.
    ///
    /// - Parameters:
    ///   - remaining: The remaining time of the operation, or `nil` for no limit.
    ///   - isFirst: Whether this is the operation's first attempt. A later attempt under `inKernel`
    ///     polls. Usually, the kernel's coarse clock has ended the previous wait slightly early,
    ///     and the remaining time is too short to be worth changing the option again.
    ///   - isExact: Whether the limit is a duration rather than an instant. A duration is not
    ///     rounded, because the next operation probably has the same duration and need not change
    ///     the option again. The time until an instant is rounded, because it differs for each
    ///     operation.
    /// - Returns: The timeout, or `nil`.
    @inline(always)
    func kernelLimit(remaining: Duration?, isFirst: Bool, isExact: Bool) -> UInt64? {
        guard let remaining else {
            switch self {
            case .inKernel, .inKernelUnlessLimited: return 0
            case .inSlices: return Self.slice
            case .pollOnly: return nil
            }
        }
        switch self {
        case .inKernelUnlessLimited, .pollOnly: return nil
        case .inSlices: return min(Self.slice, remaining.microsecondsRoundedUp)
        case .inKernel:
            guard isFirst else { return nil }
            let micros = min(remaining.microsecondsRoundedUp, KernelTimeout.longest)
            if isExact { return micros }
            // Round down to a power of two, which stays the same for many operations, so the option
            // rarely changes.
            return micros < 4_000 ? nil : 1 << (63 - micros.leadingZeroBitCount)
        }
    }
}

extension Duration {
    /// The duration in microseconds, at least 1 because 0 means forever to the kernel.
    @inline(always)
    var microsecondsRoundedUp: UInt64 { UInt64(max(1, (nanosecondsRoundedUp + 999) / 1_000)) }

    /// The duration in milliseconds, at most 24 days, the longest timeout that poll(2) accepts.
    var millisecondsRoundedUp: Int32 { Int32(clamping: (microsecondsRoundedUp + 999) / 1_000) }
}
