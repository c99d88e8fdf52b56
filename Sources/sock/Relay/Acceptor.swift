import Sockets

/// Takes callers from a listening socket, and gets over what is no failure of the listener.
struct Acceptor {
    private let listener: Socket

    init(_ listener: Socket) { self.listener = listener }

    /// The next caller; nil when the listener has been closed.
    ///
    /// While there are no descriptors left the callers stay in the kernel's queue; the acceptor
    /// waits for one to be released instead of trying without a pause.
    func next() throws(SocketError) -> Socket? {
        var hasComplained = false
        while true {
            do throws(SocketError) {
                return try listener.accept()
            } catch {
                switch (error.cause, error.errno) {
                case (.closed, _):
                    return nil
                case (_, .tooManyOpenFiles), (_, .tooManyOpenFilesInSystem), (_, .noMemory):
                    if !hasComplained { Report.note("\(error); callers wait until one has left") }
                    hasComplained = true
                    Worker.sleep(for: .milliseconds(50))
                default:
                    throw error
                }
            }
        }
    }
}
