/// The error of a failed wait, which the calling code converts to a ``SocketError``.
///
/// The cause is boxed, so that the error is one pointer wide. Every call that may throw the error
/// reserves memory for it in the task's frame, and such frames are most of the memory of an idle
/// connection.
struct WaitFailure: Error {
    private let storage: Storage

    var cause: SocketError.Cause { storage.cause }

    @inline(never)
    init(_ cause: SocketError.Cause) { storage = Storage(cause) }

    private final class Storage: Sendable {
        let cause: SocketError.Cause
        init(_ cause: SocketError.Cause) { self.cause = cause }
    }
}
