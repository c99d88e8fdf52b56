internal import Synchronization
internal import SystemPackage

// One attempt, several waiters: every operation is written once, as one system call, and this file
// decides how to wait for it.
extension Socket {
    /// Which of the kernel's two time limits, and which kind of readiness, an operation waits for.
    enum Direction {
        case receiving, sending
    }

    /// Makes a call that does not wait.
    @inline(__always)
    func call<Result>(
        _ operation: SocketError.Operation, _ body: (Int32) throws(Errno) -> Result
    ) throws(SocketError) -> Result {
        guard enter() else { throw failure(operation, .closed) }
        defer { leave() }
        do throws(Errno) {
            return try body(descriptor)
        } catch {
            throw failure(operation, .system(error))
        }
    }

    /// Makes a call that may wait, until it succeeds, fails, or the deadline has passed.
    ///
    /// `attempt` makes the call once: with `dontWait` it must not wait, and reports `EAGAIN`.
    /// - Parameters:
    ///   - isFirst: the operation has made no other attempt under this deadline.
    ///   - discard: releases a result that came too late, because the socket is closed.
    @inline(__always)
    func perform<Result>(
        _ operation: SocketError.Operation, _ direction: Direction, _ plan: WaitPlan,
        _ deadline: Deadline, isFirst: Bool = true,
        attempt: (Int32, TransferFlags) throws(Errno) -> Result,
        discard: (Result) -> Void = { _ in }
    ) throws(SocketError) -> Result {
        guard enter() else { throw failure(operation, .closed) }
        defer { leave() }
        var isFirst = isFirst
        let isWhole = isFirst
        var remaining = isFirst ? deadline.limit.duration ?? deadline.remaining : deadline.remaining
        let patience = remaining
        // A peer who keeps up never makes anybody wait: that must not make the operation endless.
        if !isFirst, let remaining, remaining <= .zero {
            throw timeout(operation, deadline, nil)
        }
        while true {
            let hasPassed = remaining.map { $0 <= .zero } ?? false
            let limit = plan.kernelLimit(
                remaining: remaining, isFirst: isFirst, isExact: deadline.limit.duration != nil)
            isFirst = false
            var waitedInKernel = false
            do throws(Errno) {
                let result: Result
                if !hasPassed, let limit, enterKernel(direction, limit) {
                    waitedInKernel = true
                    defer { leaveKernel(direction) }
                    result = try attempt(descriptor, [])
                } else {
                    result = try attempt(descriptor, .dontWait)
                }
                // A shutdown by `close` looks like the end of the stream: it is not.
                if _slowPath(gate.isClosed) {
                    discard(result)
                    throw .badFileDescriptor
                }
                return result
            } catch {
                if gate.isClosed { throw failure(operation, .closed) }
                switch error {
                case .interrupted:
                    break
                case .wouldBlock where hasPassed:
                    throw timeout(operation, deadline, patience, isWhole: isWhole)
                case .wouldBlock:
                    // A call without limit comes back only where another thread's limit, or a
                    // stranger who changed the option or the descriptor's mode, ended it.
                    if waitedInKernel, limit == 0 { forgetKernelTimeouts() }
                    // What the kernel has waited is over, and must not be waited for again.
                    if waitedInKernel { remaining = deadline.remaining }
                    if remaining.map({ $0 > .zero }) ?? true {
                        try wait(operation, direction, plan, remaining)
                    }
                default:
                    throw failure(operation, .system(error))
                }
                remaining = deadline.remaining
            }
        }
    }

    /// Waits after an attempt that found nothing to do.
    @inline(never)
    private func wait(
        _ operation: SocketError.Operation, _ direction: Direction, _ plan: WaitPlan,
        _ remaining: Duration?
    ) throws(SocketError) {
        do throws(Errno) {
            switch plan {
            case .inSlices:
                // The slice is over. If another thread holds the kernel's limit, its turn has to
                // be waited for; a datagram socket is always ready for poll, so that would spin.
                var nobody: [PollRequest] = []
                try System.poll(&nobody, milliseconds: 1)
            case .inKernel, .inKernelUnlessLimited, .pollOnly:
                var requests = [
                    PollRequest(descriptor: descriptor, isForWriting: direction == .sending)
                ]
                try System.poll(
                    &requests, milliseconds: remaining?.millisecondsRoundedUp ?? -1)
            }
        } catch {
            throw failure(operation, .system(error))
        }
    }

    @inline(__always)
    private func enterKernel(_ direction: Direction, _ limit: UInt64) -> Bool {
        if limit != 0, hasDuplicate.load(ordering: .relaxed) { return false }
        switch direction {
        case .receiving: return receiveTimeout.enter(limit: limit) { set(.receive, $0) }
        case .sending: return sendTimeout.enter(limit: limit) { set(.send, $0) }
        }
    }

    @inline(__always)
    private func leaveKernel(_ direction: Direction) {
        switch direction {
        case .receiving: receiveTimeout.leave()
        case .sending: sendTimeout.leave()
        }
    }

    private func set(_ option: TimeoutOption, _ microseconds: UInt64) -> Bool {
        do throws(Errno) {
            try System.setTimeout(descriptor, option, microseconds: microseconds)
            return true
        } catch {
            return false
        }
    }

    /// The kernel's limits may have been changed: they are set again before they are relied on.
    func forgetKernelTimeouts() {
        receiveTimeout.forget()
        sendTimeout.forget()
    }

    /// How sending waits on this kind of socket.
    var sendPlan: WaitPlan {
        guard family == .unix else { return .inKernel }
        return type == .stream ? .inKernelUnlessLimited : .inSlices
    }

    /// Describes what failed, with the addresses that are known by now.
    func failure(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, subject: String? = nil,
        remote: SocketAddress? = nil, bytesTransferred: Int = 0, stallReport: StallReport? = nil
    ) -> SocketError {
        let (local, peer) = names.withLock { ($0.local, $0.remote) }
        return SocketError(
            operation, cause, subject: subject, localAddress: local,
            remoteAddress: remote ?? peer, bytesTransferred: bytesTransferred,
            stallReport: stallReport)
    }
}
