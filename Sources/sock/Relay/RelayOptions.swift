import Sockets

/// The options of a relay: how long it runs, and what it reports.
struct RelayOptions: Sendable {
    /// How long both directions may be silent before the relay ends with status 28; nil for no
    /// limit.
    var idleTimeout: Duration?
    /// How long to continue after the end of input; nil to continue until the peer closes.
    var quitAfter: Duration?
    /// When to half-close a stream after the end of input.
    var halfClose = HalfClose.afterSilence(defaultSilence)
    /// A Boolean value that indicates whether to discard what the peer sends.
    var isSendOnly = false
    /// The maximum number of input bytes per datagram; nil for as many as fit.
    var datagramSize: Int?
    /// A Boolean value that indicates whether to report what happens.
    var isVerbose = false
    /// A Boolean value that indicates whether to report progress regularly.
    var showsStatus = false

    /// The longest time that one call may spend on sending; nil for no limit.
    ///
    /// The kernel reports progress only when a call returns, and one more call without progress may
    /// follow. So `-w` may be late by the time of two calls, and this time must be short.
    var sendStep: Duration? { idleTimeout.map { $0 / 50 } }

    /// How long to discard what a client sends after a signal, `-w` or a failure has ended the
    /// relay before all of the client's bytes were read.
    ///
    /// The time is short, because a signal must end the program within 1 s, and `-w` must not be
    /// late.
    var timeToEnd: Duration { min(.milliseconds(300), (idleTimeout ?? .seconds(30)) / 20) }

    static let defaultSilence = Duration.seconds(1)

    /// A Boolean value that indicates whether to report connections.
    ///
    /// They are reported with `-v`, and also on a terminal, because a user who types the input must
    /// know when the connection exists.
    var reportsConnections: Bool {
        isVerbose || StandardStreams.input.isTerminal && StandardStreams.error.isTerminal
    }

    /// Returns how much of the input to read at once for datagrams to these addresses.
    func datagramSize(to addresses: some Collection<SocketAddress>) -> Int {
        datagramSize ?? (addresses.contains { $0.family == .ipv4 } ? 65_507 : 65_527)
    }

    /// How long a UDP client waits for a reply after the end of input.
    var replyTimeout: Duration { idleTimeout ?? .seconds(1) }
}

extension RelayOptions {
    init(_ arguments: Arguments) throws(UsageError) {
        idleTimeout = try arguments.timeout()
        quitAfter = try arguments.quitAfter()
        isSendOnly = arguments.has(.sendOnly)
        datagramSize = try arguments.datagramSize()
        halfClose = try arguments.halfClose() ?? defaultHalfClose
        isVerbose = arguments.has(.verbose)
        showsStatus = arguments.has(.status)
        if isSendOnly, quitAfter == nil { quitAfter = replyTimeout }
        if case .afterSilence(let time) = halfClose, let idleTimeout, time >= idleTimeout {
            throw UsageError(
                "--half-close-after needs a time below that of -w, because -w ends the silence first"
            )
        }
    }

    /// When to half-close if no flag says so: never if `-w` or `-q` ends the relay during the
    /// silence.
    ///
    /// A half-close before the end of the silence would stop servers that answer during the
    /// silence.
    private var defaultHalfClose: HalfClose {
        if isSendOnly { return .atOnce }
        let limits = [idleTimeout, quitAfter].compactMap(\.self)
        let endsEarlier = limits.contains { $0 <= Self.defaultSilence }
        return endsEarlier ? .never : .afterSilence(Self.defaultSilence)
    }
}
