internal import SystemPackage

// Sends that wait until the kernel or a Unix peer has room for the datagram.
extension DatagramChannel {
    /// Waits for buffer space, and then sends.
    @inline(never)
    func sendWaiting(
        _ bytes: RawSpan, with descriptors: [Int32]?, _ route: Route, to remote: SocketAddress?,
        _ timeout: TimeLimit
    ) async throws(WaitFailure) {
        var deadline = Deadline(timeout)
        if family == .unix, let remote {
            return try await sendWaiting(bytes, with: descriptors, route, toUnix: remote, &deadline)
        }
        try await source.beginWriting(&deadline)
        defer { source.endWriting() }
        // Mark writing as ready, so that `perform` tries to send before it waits. The previous send
        // may have cleared the mark.
        source.writing.word.setReady()
        try reportWritable(true)
        // Ignore an error. It means that the kernel is out of memory, so superfluous events
        // continue, but they do no harm.
        defer { try? reportWritable(false) }
        try await source.perform(.writing, &deadline) { descriptor throws(Errno) in
            try attempt(descriptor, bytes, with: descriptors, route)
            source.writing.word.setReady()
        }
    }

    /// Retries until a Unix peer has room, because the kernel reports the socket as writable even
    /// if the peer's queue is full.
    ///
    /// Each peer has a separate queue of waiting tasks, so a peer that never receives does not
    /// delay the datagrams to other peers.
    private func sendWaiting(
        _ bytes: RawSpan, with descriptors: [Int32]?, _ route: Route, toUnix remote: SocketAddress,
        _ deadline: inout Deadline
    ) async throws(WaitFailure) {
        let wait = unixWaits.withLock { waits in
            let wait = waits[remote] ?? UnixWait()
            waits[remote] = wait
            wait.tasks += 1
            return wait
        }
        defer {
            unixWaits.withLock { waits in
                wait.tasks -= 1
                if wait.tasks == 0 { waits[remote] = nil }
            }
        }
        if !wait.turns.take() {
            try await wait.turns.wait(until: &deadline, on: source.loop) { isClosed }
        }
        defer { wait.turns.end() }
        let wakeup = Wakeup()
        for pause in sequence(first: Int64(1), next: { Swift.min(2 * $0, 16) }) {
            wakeup.reset()
            if try sendAtOnce(bytes, with: descriptors, route) { return }
            if deadline.hasPassed { throw WaitFailure(deadline.cause) }
            if Task.isCancelled { throw WaitFailure(.cancelled) }
            let retry = System.continuousNanoseconds() + pause * 1_000_000
            await wakeup.wait(until: Swift.min(deadline.start(), retry), on: source.loop)
        }
    }

    /// The tasks that wait until one Unix peer has room.
    final class UnixWait: @unchecked Sendable {
        // Safe because `tasks` is used only while the lock of `unixWaits` is held.
        let turns = TurnQueue()
        fileprivate var tasks = 0
    }

    private func reportWritable(_ isWanted: Bool) throws(WaitFailure) {
        do throws(Errno) {
            try source.loop.change(source, reportsWritable: isWanted)
        } catch {
            throw WaitFailure(.system(error))
        }
    }
}
