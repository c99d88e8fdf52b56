import Sockets

/// A relay that sends standard input as datagrams to one peer, and writes the received datagrams to
/// standard output.
///
/// Each read of the input is sent as one datagram, of at most the size that the address family
/// allows. A UDP peer cannot signal that it has finished. So after the end of input, the relay ends
/// when no datagram has arrived for 1 s, or for the time of `-w`. The relay then fails with a
/// timeout if it has received no reply at all. With `-q` and `--send-only`, no reply is required.
final class DatagramRelay: Sendable {
    private let socket: FailoverSocket
    private let options: RelayOptions
    /// A Boolean value that indicates whether the datagrams may go to several peers, because the
    /// address is for broadcast or multicast.
    ///
    /// Each peer replies from its own address, so a connected socket does not receive the replies.
    private let isForMany: Bool
    private let clock = ActivityClock()
    private let state = Monitor(State())

    /// The size of the buffer for a received datagram.
    ///
    /// It is larger than any UDP datagram, and larger than any Unix datagram that the kernel's
    /// usual limits allow.
    static let largestDatagram = 256 << 10

    init(_ socket: FailoverSocket, _ options: RelayOptions) {
        self.socket = socket
        self.options = options
        isForMany =
            (try? socket.current.option(.broadcast)) == true
            || socket.addresses.contains { $0.ip?.isMulticast == true }
    }

    private struct State {
        var sent = 0
        var received = 0
        var inputEnd: Duration?
        var failure: (any Error)?
    }

    /// Runs until the wait for replies after the end of input is over, or until `-w` or a failure
    /// ends the relay.
    ///
    /// Other threads transfer the data and the calling thread only waits, so `-w` and `-q` end the
    /// run in time even if input and output are blocked.
    func run() throws {
        StatusLine.show(self, regularly: options.showsStatus)
        defer { StatusLine.end() }
        if options.isSendOnly {
            try sendInput()
            if !isForMany { try socket.checkDelivery() }
            return
        }
        try startThread { try self.receive() }
        try startThread {
            try self.sendInput()
            self.clock.touch()
            self.state.update { $0.inputEnd = self.clock.now }
        }
        waitUntilEnd()
        socket.close()
        try checkResult()
    }

    private func startThread(_ body: @escaping @Sendable () throws -> Void) throws {
        try Worker.startOrThrow { [state] in
            do {
                try body()
            } catch {
                state.update { $0.failure = $0.failure ?? error }
            }
        }
    }

    /// Blocks until no datagram was transferred for the time of `-w` or the reply timeout, or until
    /// `-q` or a failure ends the relay.
    private func waitUntilEnd() {
        while true {
            let (inputEnd, failure) = state.update { ($0.inputEnd, $0.failure) }
            if failure != nil { return }
            let end = end(inputEnd: inputEnd)
            let rest = end.map { $0 - clock.now }
            if let rest, rest <= .zero { return }
            state.wait(atMost: rest) { $0.failure != nil || $0.inputEnd != inputEnd }
        }
    }

    /// Returns the time at which the relay ends if no more datagrams are sent or received; nil if
    /// it does not end by itself.
    private func end(inputEnd: Duration?) -> Duration? {
        guard let inputEnd else { return options.idleTimeout.map { clock.lastActivity + $0 } }
        if let time = options.quitAfter { return inputEnd + time }
        return clock.lastActivity + options.replyTimeout
    }
}

extension DatagramRelay: StatusSource {
    /// Returns how many datagrams were sent and received.
    ///
    /// The kernel reports nothing else about the transfer of datagrams.
    func status(sampling duration: Duration) -> String {
        Worker.sleep(for: duration)
        return state.update { "datagrams: \($0.sent) sent, \($0.received) received" }
    }

    var isOver: Bool { socket.current.isClosed }
}

extension DatagramRelay {
    private func receive() throws {
        var buffer = [UInt8](repeating: 0, count: Self.largestDatagram)
        while true {
            let count: Int
            do throws(SocketError) {
                count = try socket.receive(into: &buffer, timeout: .never)
            } catch {
                guard error.cause == .closed else { throw error }
                return
            }
            clock.touch()
            state.update { $0.received += 1 }
            try Console.write(buffer[..<count])
        }
    }

    private func sendInput() throws {
        let size = options.datagramSize(to: socket.addresses)
        var buffer = [UInt8](repeating: 0, count: size)
        while true {
            let count = try Console.read(into: &buffer)
            if count == 0 { return }
            try socket.send(buffer[..<count])
            clock.touch()
            state.update { $0.sent += 1 }
        }
    }

    private func checkResult() throws {
        let (sent, received, failure) = state.update { ($0.sent, $0.received, $0.failure) }
        StatusLine.end()
        if options.isVerbose || options.showsStatus {
            Log.message("datagrams: \(sent) sent, \(received) received")
        }
        if let failure { throw failure }
        // With -q, a missing reply is not an error.
        guard received == 0, options.quitAfter == nil else { return }
        throw Failure(
            .timedOut,
            "cannot receive from \(socket.current.remoteAddress.nameOfPeer): no reply in"
                + " \(options.replyTimeout.brief)",
            hint: hint(sent: sent))
    }

    private func hint(sent: Int) -> String {
        if sent == 0 {
            return "Nothing was sent, because the input was empty. Try: echo | sock -u HOST PORT"
        }
        if isForMany {
            return "Replies to a broadcast or a group come from other addresses: use --send-only."
        }
        return "With UDP, lost and ignored datagrams look the same. Try -w 5s or --send-only."
    }
}
