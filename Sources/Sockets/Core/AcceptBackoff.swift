internal import SystemPackage

/// Decides what becomes of an accept that failed; the loop that accepts carries it out.
///
/// When descriptors or memory run short the callers stay in the kernel's queue, and the socket
/// stays ready: trying again at once would burn a processor, and giving up would end the server.
/// So the loop pauses, a little longer each time. A shortage is over when the queue is empty, not
/// when one caller got in between: there would be something to report for each of them.
struct AcceptBackoff {
    enum Action: Equatable {
        /// That caller has gone; there may be another.
        case goOn
        /// Something has run short: try again later. `isNews` the first time.
        case pause(nanoseconds: Int64, isNews: Bool)
        /// The socket itself does not work.
        case fail
    }

    private static let firstPause: Int64 = 5_000_000
    private static let longestPause: Int64 = 1_000_000_000

    private var nextPause = firstPause
    private(set) var isShort = false

    mutating func failed(_ error: Errno) -> Action {
        if System.errorsOfCallers.contains(error) { return .goOn }
        guard Self.shortages.contains(error) else { return .fail }
        let isNews = !isShort
        let pause = nextPause
        isShort = true
        nextPause = min(pause * 2, Self.longestPause)
        return .pause(nanoseconds: pause, isNews: isNews)
    }

    /// A caller got in.
    @inline(__always)
    mutating func accepted() {
        nextPause = Self.firstPause
    }

    /// Nobody waits any more.
    @inline(__always)
    mutating func queueIsEmpty() {
        isShort = false
    }

    /// `ENOSPC` is what epoll_ctl(2) says when a user may watch no more descriptors; `EPERM` what
    /// accept(2) says where a rule forbids a caller, which may be the next one as well, or not.
    private static let shortages: [Errno] = [
        .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory, .noSpace,
        .notPermitted,
    ]
}
