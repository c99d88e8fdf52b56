import Sockets

/// How long a relay goes on, and what it does at its ends.
struct RelayPlan: Sendable {
    /// Silence in both directions that ends it with status 28; nil is for ever.
    var silence: Duration?
    /// Enough this long after the end of input; nil is to wait for the peer's end.
    var quitAfter: Duration?
    /// What comes is dropped.
    var isSendOnly = false
    /// Tell what happens.
    var isVerbose = false
    /// Tell regularly how it goes.
    var showsStatus = false

    /// How long input may be silent after the peer's end, before it is taken to be the peer's end
    /// for good: one that has closed altogether and one that still reads look the same until
    /// something is sent.
    static let grace = Duration.seconds(2)

    /// How long a UDP client waits for an answer after its input ended, unless `-w` says otherwise.
    static let answerTime = Duration.seconds(1)
}
