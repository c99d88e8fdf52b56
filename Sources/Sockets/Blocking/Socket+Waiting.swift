internal import Synchronization
internal import SystemPackage

// Each operation provides one system call, and this file decides how to wait until that call can
// proceed.
extension Socket {
    /// The direction of an operation, which selects the kernel's timeout and the event to poll for.
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
    /// `attempt` makes one system call. With `dontWait`, it must throw `EAGAIN` instead of waiting.
    /// `isFirst` is true for the operation's first call under this deadline. `EventSource.perform`
    /// is the async counterpart.
    @inline(__always)
    func perform<Result: ~Copyable>(
        _ operation: SocketError.Operation, _ direction: Direction, _ plan: WaitPlan,
        _ deadline: Deadline, isFirst: Bool = true,
        attempt: (Int32, TransferFlags) throws(Errno) -> Result
    ) throws(SocketError) -> Result {
        guard enter() else { throw failure(operation, .closed) }
        defer { leave() }
        // Announce a send, because it may consume the kernel's pending error. A read on another
        // thread that misses the error then waits until this call has noted it.
        if direction == .sending { connectionError?.beginTaking() }
        defer { if direction == .sending { connectionError?.endTaking() } }
        var isFirst = isFirst
        let isWhole = isFirst
        var remaining = isFirst ? deadline.limit.duration ?? deadline.remaining : deadline.remaining
        let initialTime = remaining
        // Check the deadline here too, because only a call that waits checks it, and no call waits
        // if the peer always keeps up. A `withTimeLimit` covers many operations, so the first call
        // of each operation also checks its limit.
        if let remaining, remaining <= .zero, !isFirst || TimeLimitScope.currentHasPassed {
            throw timeout(operation, deadline, nil, isWhole: isFirst)
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
                // Throw an error, because the shutdown in `close` looks like the end of the stream.
                if _slowPath(lifetime.isClosed) { throw .badFileDescriptor }
                return result
            } catch {
                if lifetime.isClosed { throw failure(operation, .closed) }
                switch error {
                case .interrupted:
                    break
                case .connectionReset where resetPrecedesMessages(direction):
                    connectionError?.note(error)
                case .wouldBlock where lacksLocalPort(direction):
                    throw failure(operation, .system(error))
                case .wouldBlock where hasPassed:
                    throw timeout(operation, deadline, initialTime, isWhole: isWhole)
                case .wouldBlock:
                    // A call without a limit returns `EAGAIN` only if another thread's limit ended
                    // the wait, or if other code changed the option or the descriptor's mode. So
                    // the cached timeouts are wrong.
                    if waitedInKernel, limit == 0 { forgetKernelTimeouts() }
                    // Update the remaining time, because the call has waited in the kernel.
                    if waitedInKernel { remaining = deadline.remaining }
                    if remaining.map({ $0 > .zero }) ?? true {
                        try wait(operation, direction, plan, remaining)
                    }
                default:
                    if operation != .connect { connectionError?.note(error) }
                    throw failure(operation, .system(error))
                }
                remaining = deadline.remaining
            }
        }
    }

    /// Returns whether messages may still be received after the kernel has reported a reset.
    ///
    /// On a sequenced-packet socket, the kernel reports a reset before it delivers the messages
    /// that the peer sent earlier.
    private func resetPrecedesMessages(_ direction: Direction) -> Bool {
        guard type == .sequencedPacket, direction == .receiving else { return false }
        return connectionError?.hasOccurred == false
    }

    /// Returns whether `EAGAIN` means that the kernel found no free port for an unbound UDP socket.
    ///
    /// Polling would not help, because poll(2) always reports such a socket as writable.
    private func lacksLocalPort(_ direction: Direction) -> Bool {
        guard direction == .sending, type == .datagram, family != .unix else { return false }
        return localAddress.port == 0
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
                // The short wait in the kernel has ended, or another thread uses the kernel's
                // timeout, so pause and try again. Polling the descriptor would spin, because it
                // can be writable even if the peer's queue or backlog is full.
                var none: [PollRequest] = []
                try System.poll(&none, milliseconds: 1)
            case .inKernel, .inKernelUnlessLimited, .pollOnly:
                let request = PollRequest(
                    descriptor: descriptor, isForWriting: direction == .sending)
                try poll([request], remaining, wakesAtClose: operation == .accept)
            }
        } catch {
            throw failure(operation, .system(error))
        }
    }

    /// Waits with poll(2) until a request is ready, the time is over, or the socket closes.
    ///
    /// A shutdown also ends the wait. Pass `true` as `wakesAtClose` if `close` does not shut down
    /// the socket, because other processes may share it.
    func poll(
        _ requests: [PollRequest], _ remaining: Duration?, wakesAtClose: Bool = false
    ) throws(Errno) {
        var requests = requests
        var milliseconds = remaining?.millisecondsRoundedUp ?? -1
        if wakesAtClose || sharing.load(ordering: .relaxed) == .everything {
            if let event = closeEvent() {
                requests.append(PollRequest(descriptor: event, isForWriting: false))
            } else {
                // If no descriptor is left for the event, wait in slices, so the caller checks for
                // `close` after each slice.
                let slice = Int32(WaitPlan.slice / 1_000)
                milliseconds = milliseconds < 0 ? slice : min(milliseconds, slice)
            }
            if lifetime.isClosed { return }
        }
        try System.poll(&requests, milliseconds: milliseconds)
    }

    @inline(__always)
    private func enterKernel(_ direction: Direction, _ limit: UInt64) -> Bool {
        let sharing = sharing.load(ordering: .relaxed)
        if _slowPath(sharing != .none), sharing == .everything || limit != 0 { return false }
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

    /// Marks the kernel's timeouts as unknown, because the raw option may have changed them.
    func didSetRawOption() { forgetKernelTimeouts() }

    func didSetLinger() { linger.noteSet() }

    func willLendDescriptor() { noteShared() }

    func didLendDescriptor() { forgetKernelTimeouts() }

    /// Marks the kernel's timeouts as unknown, so the next call sets them again.
    func forgetKernelTimeouts() {
        receiveTimeout.forget()
        sendTimeout.forget()
    }

    /// The way in which a send on this type of socket waits.
    var sendPlan: WaitPlan {
        guard family == .unix else { return .inKernel }
        return type == .stream ? .inKernelUnlessLimited : .inSlices
    }

    /// Throws an error unless the socket has the type that an operation needs.
    @inline(__always)
    func require(
        _ expected: SocketType, for operation: SocketError.Operation
    ) throws(SocketError) {
        guard _slowPath(type != expected) else { return }
        throw failure(
            operation, .invalidInput("the socket's type is \(type): expected a \(expected) socket"))
    }

    /// Returns the error of a failed operation, with the known addresses.
    func failure(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, subject: String? = nil,
        remote: SocketAddress? = nil, bytesTransferred: Int = 0, stallReport: StallReport? = nil
    ) -> SocketError {
        let (local, peer) = names.withLock { ($0.local, $0.remote) }
        var cause = cause
        // A join reset this connection, but the kernel reports the error of a reset by the peer.
        if case .system = cause, connectionError?.causeOfReset != nil {
            cause = .system(.connectionAbort)
        }
        return SocketError(
            operation, tlsSession?.cause(of: cause) ?? cause, subject: subject, localAddress: local,
            remoteAddress: remote ?? peer, bytesTransferred: bytesTransferred,
            stallReport: stallReport)
    }
}
