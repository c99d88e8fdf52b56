/// The cause of a failed operation on its way to the code that makes a ``SocketError`` of it.
///
/// It is one pointer wide, because every call that may throw it keeps room for it in the frame of
/// the task, and an idle connection is mostly such frames.
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
