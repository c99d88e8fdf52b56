/// The activity of an operation whose stall is analyzed.
package struct Activity: Hashable, Sendable {
    /// The direction in which an operation transfers bytes.
    package enum Kind: Hashable, Sendable, CaseIterable {
        case reading, writing
        /// The operation writes and reads at the same time.
        case exchanging
        /// No operation is running. The program requested the diagnosis.
        case nothing
    }

    package var kind: Kind
    /// The time since the operation began; nil if it was not measured.
    package var elapsed: Duration?
    /// The time since the operation last passed a byte to the kernel or received a byte from the
    /// kernel; nil if it was not measured.
    ///
    /// During that time, the kernels of both ends may still have transferred buffered bytes.
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

    /// The activity of a diagnosis that the program requested outside an operation.
    package static let nothing = Activity(.nothing)
}
