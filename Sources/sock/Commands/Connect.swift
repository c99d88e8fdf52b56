import ArgumentParser
import Sockets

/// `sock HOST PORT`: standard input to a peer, and what it says to standard output.
struct Connect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect; standard input goes there, and what comes back to standard output.",
        usage: """
            sock [flags] HOST PORT
            sock [flags] HOST:PORT | tcp://HOST:PORT | udp://HOST:PORT | unix:PATH
            sock [flags] -U PATH
            """,
        discussion: """
            The end of input half-closes the connection, and sock goes on receiving until the \
            peer has ended too. With -u each read of the input, of at most 8 KiB, is one \
            datagram, and 1 s (or -w) of silence after the input is the end.
            """)

    @OptionGroup var addresses: AddressOptions
    @OptionGroup var transport: TransportOptions
    @OptionGroup var limits: LimitOptions

    @Flag(
        name: [.customShort("z"), .customLong("zero")], help: "Connect, send nothing, and close.")
    var zero = false

    @Flag(help: "Send only: nothing is received, and no answer is waited for.")
    var sendOnly = false

    @Argument(help: .hidden)
    var target: [String] = []

    func run() throws {
        Signals.exitWhenInterrupted()
        Signals.whenAsked(StatusLine.answer)
        let endpoint = try Target.toConnect(target, udp: transport.udp, unix: transport.unix)
        let plan = try plan()
        let dialer = try dialer(for: endpoint)

        if endpoint.isDatagram {
            let line = try dialer.line(to: endpoint)
            tell(line.socket)
            return zero ? try knock(line, plan) : try DatagramRelay(line, plan).run()
        }
        let socket = try dialer.connect(to: endpoint)
        tell(socket)
        if zero { return socket.close() }
        try StreamRelay(socket, plan).run()
    }

    private func tell(_ socket: Socket) {
        guard transport.verbose else { return }
        Report.note("connected to \(socket.peerName) from \(socket.localAddress)")
    }

    private func plan() throws(UsageError) -> RelayPlan {
        var plan = RelayPlan(
            silence: try limits.limit(), quitAfter: try limits.quit(), isSendOnly: sendOnly,
            isVerbose: transport.verbose, showsStatus: transport.status)
        if sendOnly, plan.quitAfter == nil {
            plan.quitAfter = plan.silence ?? RelayPlan.answerTime
        }
        return plan
    }

    private func dialer(for endpoint: Endpoint) throws(UsageError) -> Dialer {
        if endpoint.transport.isUnix {
            guard transport.port == nil, transport.source == nil else {
                throw UsageError("-p and -s belong to TCP and UDP; a Unix socket has neither")
            }
        }
        return Dialer(
            family: try addresses.family(), isNumeric: addresses.numeric,
            source: try source(), port: try port(), limit: try limits.limit())
    }

    private func source() throws(UsageError) -> IPAddress? {
        guard let text = transport.source else { return nil }
        guard let address = IPAddress(text) else {
            throw UsageError(
                "-s wants an address of this machine, not \(TerminalText.quoted(text))")
        }
        return address
    }

    private func port() throws(UsageError) -> UInt16? {
        guard let text = transport.port else { return nil }
        guard let number = try Target.port(text).number else {
            throw UsageError("-p wants a number from 0 to 65535, not \(TerminalText.quoted(text))")
        }
        return number
    }

    /// `-z` over UDP: an empty datagram, which carries nothing and yet brings a refusal to light.
    private func knock(_ line: DatagramLine, _ plan: RelayPlan) throws {
        let limit = plan.silence ?? RelayPlan.answerTime
        var buffer = [UInt8](repeating: 0, count: DatagramRelay.largestDatagram)
        try line.send([])
        do throws(SocketError) {
            _ = try line.receive(into: &buffer, timeout: TimeLimit(limit))
        } catch {
            guard case .timedOut = error.cause else { throw error }
            throw Failure(
                .timedOut, "no answer from \(line.socket.peerName) in \(limit.brief)",
                advice: "With UDP that may also be a server that ignores an empty datagram.")
        }
    }
}
