internal import SystemPackage

/// A policy that decides what to do after a failed accept.
///
/// It performs no I/O. ``Acceptor`` applies its decisions.
///
/// When descriptors or memory run short, the clients stay in the kernel's backlog and the socket
/// stays ready. Retrying at once would use a whole processor core, and giving up would end the
/// server. So the acceptor pauses, twice as long each time, up to one second. The policy treats a
/// shortage as over only when the backlog is empty. Otherwise each client that is accepted during a
/// shortage could cause another log record.
struct AcceptBackoff {
    enum Action: Equatable {
        /// Accept again at once, because the client disconnected before it was accepted, and other
        /// clients may be waiting.
        case retry
        /// Pause before accepting again, because a resource ran short. `isFirst` is true for the
        /// first pause of a shortage.
        case pause(nanoseconds: Int64, isFirst: Bool)
        /// Stop accepting, because the listening socket has failed.
        case fail
    }

    private static let firstPause: Int64 = 5_000_000
    private static let longestPause: Int64 = 1_000_000_000

    private var nextPause = firstPause
    private var isShort = false

    /// Returns what to do after accepting failed with `error`.
    mutating func failed(_ error: Errno) -> Action {
        if System.abortedConnectionErrors.contains(error) { return .retry }
        guard Self.shortages.contains(error) else { return .fail }
        let isFirst = !isShort
        let pause = nextPause
        isShort = true
        nextPause = min(pause * 2, Self.longestPause)
        return .pause(nanoseconds: pause, isFirst: isFirst)
    }

    /// Records that a client was accepted.
    @inline(__always)
    mutating func accepted() { nextPause = Self.firstPause }

    /// Records that the backlog is empty.
    @inline(__always)
    mutating func backlogIsEmpty() { isShort = false }

    /// The errors that report a shortage, so accepting may succeed later.
    ///
    /// `ENOSPC` comes from epoll_ctl(2) when the user has reached the limit of watched descriptors.
    ///
    /// `EPERM` comes from accept(2) when a firewall rule rejects a client. The rule need not apply
    /// to the next client.
    private static let shortages: [Errno] = [
        .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory, .noSpace,
        .notPermitted,
    ]
}
