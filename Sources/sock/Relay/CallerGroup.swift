import Sockets

/// The callers of `sock -lk`: what any of them sends goes to standard output, and standard input
/// goes to every one that is present.
///
/// Input is not read before somebody is there to get it. A caller who comes after its end is
/// half-closed on arrival.
final class CallerGroup: Sendable {
    private let plan: RelayPlan
    private let state = Monitor(State())
    private let output = Monitor(())

    private struct State {
        var callers: [Caller] = []
        var isInputEnded = false
    }

    /// One connection, and how much it has been given.
    private final class Caller: Sendable {
        let socket: Socket
        let clock = ActivityClock()
        let sent = Monitor(0)
        init(_ socket: Socket) { self.socket = socket }
    }

    /// How long a caller may refuse to take input before it is hung up on: it holds up the others.
    private static let longestStall = Duration.seconds(10)

    init(_ plan: RelayPlan) { self.plan = plan }

    /// Accepts callers until the listening socket is closed.
    func run(_ listener: Socket) throws {
        let isStarted = Worker.start { [self] in distributeInput() }
        guard isStarted else { throw Failure(.otherFailure, "cannot start a thread") }
        let acceptor = Acceptor(listener)
        while let socket = try acceptor.next() {
            welcome(Caller(socket))
        }
    }

    private func welcome(_ caller: Caller) {
        Report.arrival(of: caller.socket, if: plan.isVerbose)
        let isInputEnded = state.update { state in
            state.callers.append(caller)
            return state.isInputEnded
        }
        if isInputEnded { try? caller.socket.shutdown(.writing) }
        let isStarted = Worker.start { [self] in
            attend(to: caller)
            dismiss(caller)
        }
        if !isStarted {
            Report.note("no thread is left for \(caller.socket.peerName)")
            dismiss(caller)
        }
    }

    private func dismiss(_ caller: Caller) {
        caller.socket.close()
        state.update { $0.callers.removeAll { $0 === caller } }
    }
}

// MARK: From the callers to standard output

extension CallerGroup {
    private func attend(to caller: Caller) {
        do {
            try receive(from: caller)
            waitForMore(to: caller)
        } catch let failure as Failure where failure.status == .cannotWriteOutput {
            Program.end(with: failure)
        } catch let error as SocketError {
            // One caller's failure is not the end of the others.
            Report.note("\(error)")
        } catch {
            Report.note("\(error)")
        }
    }

    private func receive(from caller: Caller) throws {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let reception = try caller.clock.wait(allowing: plan.silence) {
                limit throws(SocketError) in
                var span = buffer.mutableSpan
                var bytes = span.mutableBytes
                return try caller.socket.receive(into: &bytes, timeout: limit)
            }
            switch reception {
            case .value(0), .closed, .silence: return
            case .value(let count): try output.update { _ in try Answer.write(buffer[..<count]) }
            }
        }
    }

    /// A caller who has ended may still be listening: he stays while input flows to him.
    private func waitForMore(to caller: Caller) {
        guard !StandardStreams.input.isTerminal else { return }
        let before = caller.sent.update { $0 }
        let isInputEnded = state.wait(atMost: RelayPlan.grace) { $0.isInputEnded }
        if !isInputEnded, caller.sent.update({ $0 }) > before {
            state.wait { $0.isInputEnded || caller.socket.isClosed }
        }
    }
}

// MARK: From standard input to the callers

extension CallerGroup {
    private func distributeInput() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            state.wait { !$0.callers.isEmpty }
            guard let count = try? Input.read(into: &buffer), count > 0 else {
                break
            }
            for caller in state.update({ $0.callers }) { send(buffer[..<count], to: caller) }
        }
        let present = state.update { state in
            state.isInputEnded = true
            return state.callers
        }
        for caller in present { try? caller.socket.shutdown(.writing) }
    }

    private func send(_ bytes: ArraySlice<UInt8>, to caller: Caller) {
        do throws(SocketError) {
            try caller.socket.sendAll(bytes.span.bytes, timeout: TimeLimit(Self.longestStall))
            caller.clock.touch()
            caller.sent.update { $0 += bytes.count }
        } catch {
            if error.cause != .closed { Report.note("\(error)") }
            caller.socket.close()
            // Whoever waits for more input to this caller has to look again.
            state.update { _ in }
        }
    }
}
