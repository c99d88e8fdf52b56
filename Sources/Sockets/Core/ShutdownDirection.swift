/// The direction of a connection that `shutdown` ends: the argument of shutdown(2).
public enum ShutdownDirection: Hashable, Sendable, CaseIterable {
    /// Receiving ends: `SHUT_RD`.
    case read
    /// Sending ends, so the peer reads the end of the stream: `SHUT_WR`.
    case write
    /// Receiving and sending end: `SHUT_RDWR`.
    case both
}
