internal import SystemPackage

/// Decides what to do after a failed accept.
///
/// This is a decision without I/O; ``Acceptor`` applies it.
///
/// When descriptors or memory run short, the clients stay in the kernel's backlog and the socket
/// stays ready. Retrying at once would use a whole processor core, and giving up would end the
/// server. So the acceptor pauses, a little longer each time. A shortage ends when the backlog is
/// empty and not when one client was accepted; otherwise there would be a log record for each of
/// them.
struct AcceptBackoff {
    enum Action: Equatable {
        /// That client has gone, but there may be another.
        case retry
        /// A resource has run short, so retry later. `isFirst` is true once for each shortage.
        case pause(nanoseconds: Int64, isFirst: Bool)
        /// The socket itself is broken.
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

    /// Notes that a client was accepted.
    @inline(__always)
    mutating func accepted() {
        nextPause = Self.firstPause
    }

    /// Notes that no client waits in the backlog.
    @inline(__always)
    mutating func backlogIsEmpty() {
        isShort = false
    }

    /// `ENOSPC` comes from epoll_ctl(2) when a user may watch no more descriptors.
    ///
    /// `EPERM` comes from accept(2) when a firewall rule forbids a client, which may or may not
    /// apply to the next one.
    private static let shortages: [Errno] = [
        .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory, .noSpace,
        .notPermitted,
    ]
}
