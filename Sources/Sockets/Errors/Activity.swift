/// What an operation was doing when its stall is analyzed.
package struct Activity: Hashable, Sendable {
    /// The direction of an operation.
    package enum Kind: Hashable, Sendable, CaseIterable {
        case reading, writing
        /// The operation writes and reads at the same time.
        case exchanging
        /// There is no operation: the program asks for a diagnosis.
        case nothing
    }

    package var kind: Kind
    /// How long the operation has taken; nil if that was not measured.
    package var elapsed: Duration?
    /// How long the kernel has neither accepted nor delivered a byte, as the operation saw it; nil
    /// if that was not measured.
    ///
    /// Bytes may have moved between the kernels in the meantime.
    package var timeSinceProgress: Duration?
    /// How many bytes the operation has written.
    package var sent: Int
    /// How many bytes the operation has read.
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

    /// The activity of a diagnosis that no operation asked for.
    package static let nothing = Activity(.nothing)
}
