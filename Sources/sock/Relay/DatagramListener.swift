import Sockets

/// A listener that writes the datagrams of all senders to standard output, and replies to each
/// sender from standard input.
///
/// Input is read only after the first datagram has arrived. Each read is then sent as one datagram
/// to all known senders. Later senders receive the earlier input too, if it is at most 64 KiB and
/// not from a terminal. The listener runs until a signal, `-w` or `-q` ends it.
final class DatagramListener: Sendable {
    private let socket: Socket
    private let options: RelayOptions
    private let clock = ActivityClock()
    private let state = Monitor(State())

    private static let maximumSenders = 1024
    private static let maximumReply = 64 << 10

    init(_ socket: Socket, _ options: RelayOptions) {
        self.socket = socket
        self.options = options
    }

    private struct State {
        var inputEnd: Duration?
        var failure: (any Error)?
        var isOver = false
        var sent = 0
        var received = 0
        var senders: [SocketAddress] = []
        /// The input so far, or nil if it is too long to be repeated for later senders.
        var reply: [[UInt8]]? = []
    }

    /// Runs until `-w` or `-q` ends it, or another thread closes the socket.
    ///
    /// The calling thread waits for the end, so a limit is met even if input and output are blocked.
    func run() throws {
        StatusLine.show(self, regularly: options.showsStatus)
        defer { StatusLine.end() }
        try Worker.startOrThrow { [self] in
            do {
                try receive()
            } catch {
                state.update { $0.failure = error }
            }
            state.update { $0.isOver = true }
        }
        waitUntilEnd()
        if let failure = state.update({ $0.failure }) { throw failure }
    }

    private func receive() throws {
        while true {
            let datagram: Datagram
            do throws(SocketError) {
                datagram = try socket.receiveFrom(atMost: DatagramRelay.largestDatagram)
            } catch {
                guard error.cause == .closed else { throw error }
                return
            }
            clock.touch()
            state.update { $0.received += 1 }
            try Console.write(datagram.bytes[...])
            try addSender(datagram.sender)
        }
    }

    /// Blocks until nothing has moved for the limit of `-w`, or until `-q` or a failure ends it.
    private func waitUntilEnd() {
        while true {
            let (isOver, inputEnd, hasBegun) = state.update {
                ($0.isOver, $0.inputEnd, $0.received > 0)
            }
            if isOver { return }
            // The idle timeout begins with the first datagram.
            let ends = [
                hasBegun ? options.idleTimeout.map { clock.lastActivity + $0 } : nil,
                inputEnd.flatMap { inputEnd in options.quitAfter.map { inputEnd + $0 } },
            ]
            let rest = ends.compactMap { $0 }.min().map { $0 - clock.now }
            if let rest, rest <= .zero { return }
            state.wait(atMost: rest) {
                $0.isOver || $0.inputEnd != inputEnd || ($0.received > 0) != hasBegun
            }
        }
    }

    /// Records a sender, and sends it the input that the other senders have already received.
    ///
    /// The first sender also starts the thread that reads the input.
    private func addSender(_ sender: SocketAddress) throws(Failure) {
        // A Unix sender without a name cannot receive a reply, so do not record it.
        guard sender != .unnamed else { return }
        let isFirst = state.update { $0.senders.isEmpty }
        if isFirst { try Worker.startOrThrow { [self] in sendInput() } }
        let missed: [[UInt8]] = state.update { state in
            guard !state.senders.contains(sender) else { return [] }
            if options.isVerbose { Log.message("received a first datagram from \(sender)") }
            state.senders.append(sender)
            if state.senders.count > Self.maximumSenders { state.senders.removeFirst() }
            return state.reply ?? []
        }
        for bytes in missed { send(bytes[...], to: sender) }
    }
}

extension DatagramListener {
    private func sendInput() {
        state.wait { !$0.senders.isEmpty }
        // An IPv6 socket also answers IPv4 senders, unless it has an IPv6 address of its own.
        let local = socket.localAddress
        let size = options.datagramSize(to: [local.ip == .v6(.any) ? .ipv4(.any, port: 0) : local])
        var buffer = [UInt8](repeating: 0, count: size)
        while let count = try? Console.read(into: &buffer), count > 0 {
            let bytes = buffer[..<count]
            for sender in recordReply(bytes) { send(bytes, to: sender) }
        }
        state.update { $0.inputEnd = clock.now }
    }

    /// Keeps input for later senders while it is short, and returns the known senders.
    private func recordReply(_ bytes: ArraySlice<UInt8>) -> [SocketAddress] {
        state.update { state in
            state.reply?.append(Array(bytes))
            let length = state.reply?.reduce(0) { $0 + $1.count } ?? 0
            if length > Self.maximumReply || StandardStreams.input.isTerminal {
                state.reply = nil
            }
            return state.senders
        }
    }

    /// Sends one datagram, and does not throw errors, so that the other senders still receive
    /// theirs.
    private func send(_ bytes: ArraySlice<UInt8>, to sender: SocketAddress) {
        do throws(SocketError) {
            _ = try socket.send(bytes.span.bytes, to: sender, timeout: .seconds(1))
            clock.touch()
            state.update { $0.sent += 1 }
        } catch {
            if options.isVerbose { Log.message(error.firstLine) }
        }
    }
}

extension DatagramListener: StatusSource {
    /// Returns the numbers of datagrams and senders.
    func status(sampling duration: Duration) -> String {
        Worker.sleep(for: duration)
        return state.update {
            "datagrams: \($0.sent) sent, \($0.received) received; senders: \($0.senders.count)"
        }
    }

    var isOver: Bool { socket.isClosed }
}
