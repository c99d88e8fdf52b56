/// The way in which one kind of operation waits, depending on when the kernel ends a wait reliably.
///
/// This is a decision without I/O; `Socket.perform` applies it.
enum WaitPlan {
    /// The call waits in the kernel under the kernel's limit. A shutdown wakes it.
    case inKernel
    /// The call waits in the kernel only without a limit. `SO_SNDTIMEO` does not bound a Unix
    /// stream send, because it restarts for each buffer.
    case inKernelUnlessLimited
    /// The call waits in the kernel in slices, because a shutdown does not wake it: sending a Unix
    /// datagram to a full peer, and connecting to a full Unix backlog.
    case inSlices
    /// The descriptor does not wait. accept has no flag that says "do not wait".
    case pollOnly

    /// The longest time, in microseconds, for which `close` waits for a slice to end.
    static let slice: UInt64 = 50_000

    /// Returns the limit in microseconds under which the call may wait in the kernel; 0 is none,
    /// and `nil` means that it must not wait there.
    ///
    /// - Parameters:
    ///   - remaining: The rest of the operation's limit; `nil` is for ever.
    ///   - isFirst: Whether this is the operation's first attempt. The kernel's clock is coarse and
    ///     may fire a little early. The rest is then too short to change the option again.
    ///   - isExact: Whether the limit is a duration, which the next operation will repeat, and not
    ///     an instant, whose remainder differs each time.
    /// - Returns: The limit, or `nil`.
    func kernelLimit(remaining: Duration?, isFirst: Bool, isExact: Bool) -> UInt64? {
        guard let remaining else {
            switch self {
            case .inKernel, .inKernelUnlessLimited: return 0
            case .inSlices: return Self.slice
            case .pollOnly: return nil
            }
        }
        switch self {
        case .inKernelUnlessLimited, .pollOnly:
            return nil
        case .inSlices:
            return min(Self.slice, remaining.microsecondsRoundedUp)
        case .inKernel:
            guard isFirst else { return nil }
            let micros = min(remaining.microsecondsRoundedUp, KernelTimeout.longest)
            if isExact { return micros }
            // A power of two below the remainder stays the same for many operations.
            return micros < 4_000 ? nil : 1 << (63 - micros.leadingZeroBitCount)
        }
    }
}

extension Duration {
    /// At least 1, because 0 means "for ever" to the kernel.
    var microsecondsRoundedUp: UInt64 {
        UInt64(max(1, (nanosecondsRoundedUp + 999) / 1_000))
    }

    /// The duration for poll, which takes at most 24 days.
    var millisecondsRoundedUp: Int32 {
        Int32(clamping: (microsecondsRoundedUp + 999) / 1_000)
    }
}
