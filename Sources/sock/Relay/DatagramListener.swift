import Sockets

/// A listener that writes the datagrams of all senders to standard output, and sends standard input
/// to each sender as replies.
///
/// The source address of a reply is the address that the sender's datagram was sent to.
///
/// It has one socket for each address to listen on.
///
/// Input is read only after the first datagram has arrived. Each read is then sent as one datagram
/// to all known senders. Later senders receive the earlier input too, if it is at most 64 KiB and
/// not from a terminal. The listener runs until a signal, `-w` or `-q` ends it.
final class DatagramListener: Sendable {
    private let sockets: [Socket]
    private let options: RelayOptions
    private let clock = ActivityClock()
    private let state = Monitor(State())
    /// The lock that keeps the bytes of one datagram together.
    private let output = Lock(())

    private static let maximumSenders = 1024
    private static let maximumReply = 64 << 10

    init(_ sockets: [Socket], _ options: RelayOptions) {
        self.sockets = sockets
        self.options = options
    }

    private struct State {
        var inputEnd: Duration?
        var failure: (any Error)?
        var isOver = false
        var readsInput = false
        var sent = 0
        var received = 0
        var senders: [Sender] = []
        /// The input so far, or nil if it is too long to be repeated for later senders.
        var reply: [[UInt8]]? = []
    }

    /// A sender, and what is needed to reply to it.
    private struct Sender {
        let socket: Socket
        /// The last datagram without its bytes, because the reply goes out from the address that it
        /// was sent to.
        let datagram: Datagram
    }

    /// Runs until `-w` or `-q` ends it, or another thread closes the sockets.
    ///
    /// Other threads transfer the data and the calling thread only waits, so `-w` and `-q` end the
    /// run in time even if input and output are blocked.
    func run() throws {
        StatusLine.show(self, regularly: options.showsStatus)
        defer { StatusLine.end() }
        for socket in sockets {
            try Worker.startOrThrow { [self] in
                do {
                    try receive(from: socket)
                } catch {
                    state.update { $0.failure = error }
                }
                state.update { $0.isOver = true }
            }
        }
        waitUntilEnd()
        if let failure = state.update({ $0.failure }) { throw failure }
    }

    private func receive(from socket: Socket) throws {
        while true {
            var datagram: Datagram
            do throws(SocketError) {
                datagram = try socket.receiveFrom(atMost: DatagramRelay.largestDatagram)
            } catch {
                guard error.cause == .closed else { throw error }
                return
            }
            clock.touch()
            state.update { $0.received += 1 }
            let bytes = datagram.bytes
            datagram.bytes = []
            // Record the sender first, because a program that reads the output may answer at once.
            try addSender(Sender(socket: socket, datagram: datagram))
            try output.withLock { _ throws(Failure) in try Console.write(bytes[...]) }
        }
    }

    /// Blocks until no datagram was transferred for the time of `-w`, or until `-q` or a failure
    /// ends the listener.
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

    /// Records the sender of a datagram.
    ///
    /// If the sender is new, sends it the kept input, which the earlier senders have already
    /// received.
    ///
    /// The first sender also starts the thread that reads the input.
    private func addSender(_ sender: Sender) throws(Failure) {
        let address = sender.datagram.sender
        // A Unix sender without a name cannot receive a reply, so do not record it.
        guard address != .unnamed else { return }
        let isFirst = state.update { state in
            defer { state.readsInput = true }
            return !state.readsInput
        }
        if isFirst { try Worker.startOrThrow { [self] in sendInput() } }
        let missed: [[UInt8]] = state.update { state in
            if let index = state.senders.firstIndex(where: { $0.datagram.sender == address }) {
                state.senders[index] = sender
                return []
            }
            if options.isVerbose { Log.message("received a first datagram from \(address)") }
            state.senders.append(sender)
            if state.senders.count > Self.maximumSenders { state.senders.removeFirst() }
            return state.reply ?? []
        }
        for bytes in missed { send(bytes, to: sender) }
    }
}

extension DatagramListener {
    private func sendInput() {
        state.wait { !$0.senders.isEmpty }
        // A socket on :: may also answer IPv4 senders, whose datagrams are smaller. A socket on
        // another IPv6 address answers only IPv6 senders.
        let locals = sockets.map(\.localAddress)
        let size = options.datagramSize(
            to: locals.map { $0.ip == .v6(.any) ? .ipv4(.any, port: 0) : $0 })
        var buffer = [UInt8](repeating: 0, count: size)
        while let count = try? Console.read(into: &buffer), count > 0 {
            let bytes = Array(buffer[..<count])
            for sender in recordReply(bytes) { send(bytes, to: sender) }
        }
        state.update { $0.inputEnd = clock.now }
    }

    /// Keeps the input for later senders, unless it is too long or from a terminal, and returns the
    /// known senders.
    private func recordReply(_ bytes: [UInt8]) -> [Sender] {
        state.update { state in
            state.reply?.append(bytes)
            let length = state.reply?.reduce(0) { $0 + $1.count } ?? 0
            if length > Self.maximumReply || StandardStreams.input.isTerminal {
                state.reply = nil
            }
            return state.senders
        }
    }

    /// Sends one datagram, and does not throw errors, so that the other senders still receive
    /// theirs.
    private func send(_ bytes: [UInt8], to sender: Sender) {
        do throws(SocketError) {
            let isSent = try sender.socket.reply(
                to: sender.datagram, with: bytes, timeout: .seconds(1))
            if isSent {
                clock.touch()
                state.update { $0.sent += 1 }
            } else if options.isVerbose {
                let address = sender.datagram.sender
                Log.message("cannot reply to \(address): \(Self.reasonForNoReply(to: address))")
            }
        } catch {
            if options.isVerbose { Log.message(error.firstLine) }
        }
    }

    /// Returns why a sender cannot receive a reply.
    static func reasonForNoReply(to address: SocketAddress) -> String {
        switch address.port {
        case 0: "port 0 means that the sender expects no reply"
        case nil: "its socket is gone, or accepts no datagrams from this user"
        default: "no route leads there, or a firewall forbids it"
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

    var isOver: Bool { sockets[0].isClosed }
}
