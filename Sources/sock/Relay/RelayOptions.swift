import Sockets

/// The options of a relay: how long it runs, and what it reports.
struct RelayOptions: Sendable {
    /// How long both directions may be silent before the relay ends with status 28; nil for no
    /// limit.
    var idleTimeout: Duration?
    /// How long to continue after the end of input; nil to continue until the peer closes.
    var quitAfter: Duration?
    /// A Boolean value that indicates whether to discard what the peer sends.
    var isSendOnly = false
    /// A Boolean value that indicates whether to report what happens.
    var isVerbose = false
    /// A Boolean value that indicates whether to report progress regularly.
    var showsStatus = false

    /// How long input may be silent after the peer's end of stream before the connection is closed.
    ///
    /// A peer that has closed looks like a peer that has only half-closed, until something is sent
    /// to it.
    static let gracePeriod = Duration.seconds(2)

    /// How long a UDP client waits for a reply after the end of input.
    var replyTimeout: Duration { idleTimeout ?? .seconds(1) }
}

extension RelayOptions {
    init(_ arguments: Arguments) throws(UsageError) {
        idleTimeout = try arguments.timeout()
        quitAfter = try arguments.quitAfter()
        isSendOnly = arguments.has(.sendOnly)
        isVerbose = arguments.has(.verbose)
        showsStatus = arguments.has(.status)
        if isSendOnly, quitAfter == nil { quitAfter = replyTimeout }
    }
}
