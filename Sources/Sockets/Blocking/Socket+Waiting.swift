internal import Synchronization
internal import SystemPackage

// Every operation is written once, as one system call. This file decides how to wait for it.
extension Socket {
    /// The direction of an operation, which selects the kernel's time limit and the readiness.
    enum Direction {
        case receiving, sending
    }

    /// Makes a system call that does not wait.
    @inline(__always)
    func call<Result>(
        _ operation: SocketError.Operation, _ subject: String? = nil,
        _ body: (Int32) throws(Errno) -> Result
    ) throws(SocketError) -> Result {
        guard enter() else { throw failure(operation, .closed, subject: subject) }
        defer { leave() }
        do throws(Errno) {
            return try body(descriptor)
        } catch {
            throw failure(operation, .system(error), subject: subject)
        }
    }

    /// Calls `attempt` until it succeeds or fails, or until the deadline has passed.
    ///
    /// `attempt` makes one system call. With `dontWait` it must not wait, and throws `EAGAIN`.
    /// `isFirst` says whether this is the operation's first call under this deadline.
    /// `EventSource.perform` is the async counterpart.
    @inline(__always)
    func perform<Result: ~Copyable>(
        _ operation: SocketError.Operation, _ direction: Direction, _ plan: WaitPlan,
        _ deadline: Deadline, isFirst: Bool = true,
        attempt: (Int32, TransferFlags) throws(Errno) -> Result
    ) throws(SocketError) -> Result {
        guard enter() else { throw failure(operation, .closed) }
        defer { leave() }
        var isFirst = isFirst
        let isWhole = isFirst
        var remaining = isFirst ? deadline.limit.duration ?? deadline.remaining : deadline.remaining
        let initialTime = remaining
        // If the peer always keeps up, no call waits, so the deadline is also checked here.
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
                // The shutdown in `close` looks like the end of the stream, but is not.
                if _slowPath(lifetime.isClosed) { throw .badFileDescriptor }
                return result
            } catch {
                if lifetime.isClosed { throw failure(operation, .closed) }
                switch error {
                case .interrupted:
                    break
                case .wouldBlock where hasPassed:
                    throw timeout(operation, deadline, initialTime, isWhole: isWhole)
                case .wouldBlock:
                    // A call without a limit only returns if another thread's limit ended it, or
                    // if other code changed the option or the descriptor's mode.
                    if waitedInKernel, limit == 0 { forgetKernelTimeouts() }
                    // The time that the kernel has waited is over.
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

    /// Waits after an attempt that would block.
    @inline(never)
    private func wait(
        _ operation: SocketError.Operation, _ direction: Direction, _ plan: WaitPlan,
        _ remaining: Duration?
    ) throws(SocketError) {
        do throws(Errno) {
            switch plan {
            case .inSlices:
                // The slice is over. If another thread uses the kernel's limit, wait for its slice
                // to end. Polling the descriptor would spin, because a datagram socket is always
                // ready.
                var none: [PollRequest] = []
                try System.poll(&none, milliseconds: 1)
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

    /// Marks the kernel's limits as unknown, so that they are set again before the next use.
    func forgetKernelTimeouts() {
        receiveTimeout.forget()
        sendTimeout.forget()
    }

    /// The way in which sending waits on this type of socket.
    var sendPlan: WaitPlan {
        guard family == .unix else { return .inKernel }
        return type == .stream ? .inKernelUnlessLimited : .inSlices
    }

    /// Makes the error of a failed operation, with the addresses that are known.
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
