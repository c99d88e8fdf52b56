/// What an operation was trying to do when somebody asks why nothing moves.
package struct Activity: Hashable, Sendable {
    /// In which direction.
    package enum Kind: Hashable, Sendable, CaseIterable {
        case reading, writing
        /// It writes and reads at the same time.
        case exchanging
        /// No operation asks: somebody looks from outside.
        case nothing
    }

    package var kind: Kind
    /// How long it has taken; nil if nobody has measured it.
    package var elapsed: Duration?
    /// How long the kernel has neither taken nor given a byte, as the operation saw it; nil if nobody
    /// has measured it. Bytes may have moved between the kernels meanwhile.
    package var timeSinceProgress: Duration?
    /// How many bytes it has written.
    package var sent: Int
    /// How many bytes it has read.
    package var received: Int

    package init(
        _ kind: Kind, elapsed: Duration? = nil, timeSinceProgress: Duration? = nil, sent: Int = 0,
        received: Int = 0
    ) {
        self.kind = kind
        self.elapsed = elapsed
        self.timeSinceProgress = timeSinceProgress
        self.sent = sent
        self.received = received
    }

    /// Somebody looks from outside.
    package static let nothing = Activity(.nothing)
}
