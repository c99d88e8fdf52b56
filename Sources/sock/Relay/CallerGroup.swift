import Sockets

/// The callers of `sock -lk`: what any of them sends goes to standard output, and standard input
/// goes to every one that is present.
///
/// Input is not read before somebody is there to get it, and what was read when the last one left
/// is for the next. A caller who comes after its end is half-closed on arrival. How far one may be
/// behind the others decides `Audience`. Every caller is served by tasks.
final class CallerGroup: Sendable {
    private let plan: RelayPlan
    private let input: InputFeed
    private let output: OutputQueue
    private let state = Monitor(State())
    /// Told when there may be somebody to give input to.
    private let (changes, hasChanged) = AsyncStream.makeStream(
        of: Void.self, bufferingPolicy: .bufferingNewest(1))

    private struct State {
        var audience = Audience()
        var letterBoxes: [Audience.Member: AsyncStream<[UInt8]>.Continuation] = [:]
        var isInputEnded = false
        var callers: [Audience.Member: Caller] = [:]
        /// What those who have left had moved.
        var left = (sent: 0, received: 0)
        var isOver = false
    }

    /// One connection, and what it is to get of the input.
    fileprivate struct Caller: Sendable {
        let connection: Connection
        let member: Audience.Member
        let pieces: AsyncStream<[UInt8]>
        let clock = ActivityClock()
        let counts = Monitor((sent: 0, received: 0))
    }

    init(_ plan: RelayPlan, _ input: InputFeed, _ output: OutputQueue) {
        self.plan = plan
        self.input = input
        self.output = output
    }

    /// Serves callers until the task is cancelled, which hangs up on them.
    ///
    /// - Throws: `SocketError` if the listener is broken.
    func run(_ listener: Listener) async throws {
        StatusLine.tell(of: self, regularly: plan.showsStatus)
        defer {
            state.update { $0.isOver = true }
            StatusLine.end()
        }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await self.distributeInput() }
            try await listener.serve(
                options: ServeOptions(gracePeriod: .zero, logger: ReportLog.logger)
            ) {
                await self.serve($0)
            }
            tasks.cancelAll()
        }
    }

    private func serve(_ connection: Connection) async {
        Report.arrival(of: connection.remoteAddress, if: plan.isVerbose)
        let caller = welcome(connection)
        await attend(to: caller)
        dismiss(caller)
        let (sent, received) = caller.counts.update { $0 }
        state.update { state in
            state.left.sent += sent
            state.left.received += received
        }
        guard plan.isVerbose else { return }
        Report.note("\(connection.peerName) has gone; bytes: \(sent) sent, \(received) received")
    }

    private func welcome(_ connection: Connection) -> Caller {
        let (pieces, letterBox) = AsyncStream.makeStream(of: [UInt8].self)
        let member = state.update { state in
            let member = state.audience.join()
            if state.isInputEnded {
                letterBox.finish()
            } else {
                state.letterBoxes[member] = letterBox
            }
            return member
        }
        hasChanged.yield()
        let caller = Caller(connection: connection, member: member, pieces: pieces)
        state.update { $0.callers[member] = caller }
        return caller
    }

    private func dismiss(_ caller: Caller) {
        caller.connection.close()
        state.update { state in
            state.audience.leave(caller.member)
            state.callers[caller.member] = nil
            state.letterBoxes.removeValue(forKey: caller.member)?.finish()
        }
        hasChanged.yield()
    }
}

// MARK: How it goes

extension CallerGroup: Progress {
    /// Of many callers the numbers, and those who are stuck.
    func state(watching duration: Duration) -> String {
        Worker.sleep(for: duration)
        let (callers, left) = state.update { (Array($0.callers.values), $0.left) }
        var (sent, received) = left
        var verdicts: [String: Int] = [:]
        for caller in callers {
            let counts = caller.counts.update { $0 }
            sent += counts.sent
            received += counts.received
            guard let verdict = try? caller.connection.diagnose().verdict, verdict.isStuck else {
                continue
            }
            verdicts[verdict.code, default: 0] += 1
        }
        let stuck = verdicts.sorted { $0.key < $1.key }.map { ", \($0.value) \($0.key)" }
        return
            "callers: \(callers.count)\(stuck.joined()); bytes: \(sent) sent, \(received) received"
    }

    var isOver: Bool { state.update { $0.isOver } }
}

// MARK: One caller

extension CallerGroup {
    /// Why there is nothing more to wait for.
    private enum End {
        case inputIsSent, graceIsOver
    }

    private func attend(to caller: Caller) async {
        await withTaskGroup(of: End.self) { tasks in
            tasks.addTask {
                await self.send(to: caller)
                return .inputIsSent
            }
            await receive(from: caller)

            // A caller who has ended may still be listening: he stays while input flows to him.
            if !caller.connection.isClosed, !StandardStreams.input.isTerminal {
                let before = caller.counts.update { $0.sent }
                tasks.addTask {
                    try? await Task.sleep(for: RelayPlan.grace)
                    return .graceIsOver
                }
                if await tasks.next() == .graceIsOver, isGettingInput(caller, since: before) {
                    _ = await tasks.next()
                }
            }
            caller.connection.close()
            tasks.cancelAll()
        }
    }

    private func isGettingInput(_ caller: Caller, since before: Int) -> Bool {
        state.update { $0.audience.backlog(of: caller.member) > 0 }
            || caller.counts.update { $0.sent } > before
    }

    /// From the caller to standard output, until he ends or is silent for too long.
    private func receive(from caller: Caller) async {
        do throws(SocketError) {
            while true {
                let reception = try await caller.clock.suspend(allowing: plan.silence) {
                    limit throws(SocketError) in
                    try await caller.connection.nextPiece(timeout: limit)
                }
                switch reception {
                case .value(let piece) where !piece.isEmpty:
                    caller.counts.update { $0.received += piece.count }
                    await output.write(piece)
                case .value:
                    return
                case .closed, .silence:
                    return caller.connection.close()
                }
            }
        } catch {
            hangUp(on: caller, because: error)
        }
    }

    /// From standard input to the caller, until he has got all of it.
    private func send(to caller: Caller) async {
        do {
            for await piece in caller.pieces {
                try await send(piece, to: caller)
            }
            if !Task.isCancelled { try caller.connection.shutdown(.write) }
        } catch {
            hangUp(on: caller, because: error)
        }
    }

    /// Sends in steps, to see now and then how it goes; where one step is enough, none is taken.
    private func send(_ piece: [UInt8], to caller: Caller) async throws {
        // Who is in the way is noticed one step late, and known to be so one step late again.
        let longest = Duration.milliseconds(500)
        let step = min(longest, plan.silence.map { $0 / 4 } ?? longest)
        var rest = piece[...]
        while true {
            do throws(SocketError) {
                try await caller.connection.write(rest.span.bytes, timeout: TimeLimit(step))
                return note(rest.count, sentTo: caller)
            } catch {
                guard case .timedOut = error.cause else { throw error }
                if error.bytesTransferred > 0 {
                    try caller.connection.resumeWriting()
                    note(error.bytesTransferred, sentTo: caller)
                    rest = rest.dropFirst(error.bytesTransferred)
                }
            }
            let now = Self.start.duration(to: .now)
            guard !state.update({ $0.audience.isInTheWay(caller.member, at: now) }) else {
                throw Failure(
                    .otherFailure,
                    "hung up on \(caller.connection.peerName), who has taken nothing for "
                        + "\(Audience.longestWait.brief) while others waited for more")
            }
        }
    }

    private func note(_ count: Int, sentTo caller: Caller) {
        caller.clock.touch()
        caller.counts.update { $0.sent += count }
        let isReady = state.update { state in
            state.audience.take(count, by: caller.member)
            return state.audience.isReady
        }
        if isReady { hasChanged.yield() }
    }

    /// One caller's failure is not the end of the others.
    private func hangUp(on caller: Caller, because error: any Error) {
        // Who is closed already has been hung up on: what comes of that is no news.
        guard !caller.connection.isClosed else { return }
        caller.connection.close()
        let ours = (error as? Failure)?.message ?? (error as? SocketError)?.firstLine
        Report.note(ours ?? "\(error)")
    }
}

// MARK: Everybody

extension CallerGroup {
    private static let start = ContinuousClock.now

    private func distributeInput() async {
        while await audience({ !$0.isEmpty }), let piece = await input.next() {
            state.update { $0.audience.awaitRoom() }
            guard await audience(\.isReady) else { return }
            state.update { state in
                state.audience.give(piece.count)
                for letterBox in state.letterBoxes.values { letterBox.yield(piece) }
            }
        }
        guard !Task.isCancelled else { return }
        state.update { state in
            state.isInputEnded = true
            for letterBox in state.letterBoxes.values { letterBox.finish() }
            state.letterBoxes = [:]
        }
    }

    /// Waits until the audience is as wished; false when the task is cancelled.
    private func audience(_ isAsWished: @Sendable (Audience) -> Bool) async -> Bool {
        var changes = changes.makeAsyncIterator()
        while !state.update({ isAsWished($0.audience) }) {
            guard await changes.next() != nil else { return false }
        }
        return !Task.isCancelled
    }
}

extension Connection {
    /// What has come, no bytes at the end of the stream; without memory that waits to be filled.
    fileprivate func nextPiece(timeout: TimeLimit) async throws(SocketError) -> [UInt8] {
        do {
            return try await withReceived(timeout: timeout) { bytes in
                bytes.withUnsafeBytes { Array($0) }
            } ?? []
        } catch {
            // The body throws nothing, so that is all there can be.
            throw error as? SocketError ?? SocketError(.read, .closed)
        }
    }

    /// The peer as a message names it.
    fileprivate var peerName: String {
        remoteAddress == .unnamed ? "a caller" : "\(remoteAddress)"
    }
}
