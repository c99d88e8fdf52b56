import Sockets

/// Writes the datagrams of all senders to standard output, and answers every one of them from
/// standard input.
///
/// Input is not read before there is somebody to answer. From then on each read of it goes as one
/// datagram to every sender so far; and as long as all of it is short, and nobody types it, it is
/// the answer to whoever comes later as well. It runs until it is told to stop, or `-w` or `-q`
/// ends it.
final class DatagramListener: Sendable {
    private let socket: Socket
    private let plan: RelayPlan
    private let clock = ActivityClock()
    private let state = Monitor(State())

    private struct State {
        var senders: [SocketAddress] = []
        /// The input so far, as long as it is short enough to be an answer for later senders.
        var answer: [[UInt8]]? = []
    }

    private static let mostSenders = 1024
    private static let longestAnswer = 64 << 10

    init(_ socket: Socket, _ plan: RelayPlan) {
        self.socket = socket
        self.plan = plan
    }

    /// Runs until `-w` or `-q` ends it, or somebody closes the socket.
    func run() throws {
        let isStarted = Worker.start { [self] in answer() }
        guard isStarted else { throw Failure(.otherFailure, "cannot start a thread") }
        // Before the first datagram there is no silence to speak of.
        var allowed: Duration?
        while true {
            let reception = try clock.wait(allowing: allowed) { limit throws(SocketError) in
                try socket.receiveFrom(atMost: DatagramRelay.largestDatagram, timeout: limit)
            }
            guard case .value(let datagram) = reception else { return }
            allowed = plan.silence
            try Answer.write(datagram.bytes[...])
            greet(datagram.sender)
        }
    }

    /// Remembers a sender, and gives a late one what the others have got.
    private func greet(_ sender: SocketAddress) {
        // A Unix sender without a name cannot be answered.
        guard sender != .unnamed else { return }
        let missed: [[UInt8]] = state.update { state in
            guard !state.senders.contains(sender) else { return [] }
            if plan.isVerbose { Report.note("Datagrams from \(sender)") }
            state.senders.append(sender)
            if state.senders.count > Self.mostSenders { state.senders.removeFirst() }
            return state.answer ?? []
        }
        for piece in missed { send(piece[...], to: sender) }
    }
}

extension DatagramListener {
    private func answer() {
        state.wait { !$0.senders.isEmpty }
        var buffer = [UInt8](repeating: 0, count: DatagramRelay.largestPiece)
        while let count = try? Input.read(into: &buffer), count > 0 {
            let piece = buffer[..<count]
            for sender in note(piece) { send(piece, to: sender) }
        }
        if let rest = plan.quitAfter {
            Worker.sleep(for: rest)
            socket.close()
        }
    }

    /// Keeps a piece of input for later senders while it is short; those present get it at once.
    private func note(_ piece: ArraySlice<UInt8>) -> [SocketAddress] {
        state.update { state in
            state.answer?.append(Array(piece))
            let length = state.answer?.reduce(0) { $0 + $1.count } ?? 0
            if length > Self.longestAnswer || StandardStreams.input.isTerminal {
                state.answer = nil
            }
            return state.senders
        }
    }

    /// One sender who is gone must not keep the others from their answer.
    private func send(_ piece: ArraySlice<UInt8>, to sender: SocketAddress) {
        do throws(SocketError) {
            _ = try socket.send(piece.span.bytes, to: sender, timeout: .seconds(1))
            clock.touch()
        } catch {
            if plan.isVerbose { Report.note("\(error)") }
        }
    }
}
