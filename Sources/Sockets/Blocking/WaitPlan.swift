/// How one kind of operation waits: where the kernel can be trusted to end the wait, and where not.
///
/// A decision without I/O; `Socket.perform` carries it out.
enum WaitPlan {
    /// The call waits by itself under the kernel's limit; a shutdown wakes it.
    case inKernel
    /// The call waits by itself only without a limit. A Unix stream's `SO_SNDTIMEO` starts afresh
    /// with every buffer that finds room, so it bounds nothing.
    case inKernelUnlessLimited
    /// The call waits by itself in slices, because a shutdown does not wake it: sending a Unix
    /// datagram to a full peer, connecting to a full Unix backlog.
    case inSlices
    /// The descriptor does not wait: accept, which has no flag that says "do not wait".
    case pollOnly

    /// The longest wait, in microseconds, that a close has to sit through.
    static let slice: UInt64 = 50_000

    /// The limit, in microseconds, under which the call may wait in the kernel; 0 is none, and nil
    /// says that it must not wait there.
    ///
    /// - Parameters:
    ///   - remaining: what is left of the operation's limit; nil is for ever.
    ///   - isFirst: nothing has been tried yet. The kernel's clock is coarse and may fire a little
    ///     early; what is left then is too short to be worth another change of the option.
    ///   - isExact: the limit was given as a length of time, which the next operation will repeat,
    ///     and not as an instant, whose remainder differs every time.
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
            // A power of two below the remainder stays the same over many operations.
            return micros < 4_000 ? nil : 1 << (63 - micros.leadingZeroBitCount)
        }
    }
}

extension Duration {
    /// Never zero, because zero means "for ever" to the kernel.
    var microsecondsRoundedUp: UInt64 {
        UInt64(max(1, (nanosecondsRoundedUp + 999) / 1_000))
    }

    /// For poll, which takes at most 24 days.
    var millisecondsRoundedUp: Int32 {
        Int32(clamping: (microsecondsRoundedUp + 999) / 1_000)
    }
}
