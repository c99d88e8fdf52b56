import Sockets

/// How long a relay runs, and what it does at its ends.
struct RelayOptions: Sendable {
    /// The time without a byte in either direction that ends the relay with status 28; nil for none.
    var idleTimeout: Duration?
    /// How long to continue after the end of input; nil to wait until the peer closes.
    var quitAfter: Duration?
    /// Whether to discard what the peer sends.
    var isSendOnly = false
    /// Whether to report what happens.
    var isVerbose = false
    /// Whether to report progress regularly.
    var showsStatus = false

    /// How long input may be silent after the peer's end of stream before the connection is closed.
    ///
    /// A peer that has closed and a peer that has half-closed look the same until something is sent.
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
