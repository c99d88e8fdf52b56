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
        var senders: [SocketAddress] = []
        /// The input so far, or nil if it is too long to be repeated for later senders.
        var reply: [[UInt8]]? = []
    }

    /// Runs until `-w` or `-q` ends it, or another thread closes the socket.
    func run() throws {
        try Worker.startOrThrow { [self] in sendInput() }
        // The idle timeout begins with the first datagram, so the first wait has no limit.
        var timeout: Duration?
        while true {
            let result = try clock.wait(timeout: timeout) { limit throws(SocketError) in
                try socket.receiveFrom(atMost: DatagramRelay.largestDatagram, timeout: limit)
            }
            guard case .value(let datagram) = result else { return }
            timeout = options.idleTimeout
            try Console.write(datagram.bytes[...])
            addSender(datagram.sender)
        }
    }

    /// Records a sender, and sends it the input that the other senders have already received.
    private func addSender(_ sender: SocketAddress) {
        // A Unix sender without a name cannot receive a reply, so do not record it.
        guard sender != .unnamed else { return }
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
        var buffer = [UInt8](repeating: 0, count: DatagramRelay.largestRead)
        while let count = try? Console.read(into: &buffer), count > 0 {
            let bytes = buffer[..<count]
            for sender in recordReply(bytes) { send(bytes, to: sender) }
        }
        if let time = options.quitAfter {
            Worker.sleep(for: time)
            socket.close()
        }
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
        } catch {
            if options.isVerbose { Log.message("\(error)") }
        }
    }
}
