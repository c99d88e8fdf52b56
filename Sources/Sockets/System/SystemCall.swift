internal import Glibc
package import SystemPackage

/// The system calls that pass through this floor, by the names of their manual pages.
package enum SystemCall: String, Sendable, CaseIterable {
    case socket, socketpair, bind, listen, accept, connect, shutdown, close, dup, fcntl
    case recv, recvfrom, recvmmsg, send, sendto, sendmsg, sendfile, poll
    case getsockname, getpeername, getsockopt, setsockopt, ioctl, gethostname, lstat, unlink
    case epoll_create1, epoll_ctl, epoll_wait, eventfd, read, write
    case open, opendir, readlinkat, process_vm_readv
}

/// The kernel's calls, one function each, under the call's own name.
package enum System {}

/// What a wrapper does when a signal interrupts the call before it did anything (`EINTR`).
package enum Interruption {
    /// Call again: for calls without a time limit of their own.
    case retry
    /// Tell the caller: for calls under a deadline, whose remainder has to be computed afresh.
    case report
}

/// Makes one system call and turns −1 into the error number: the only place where that is done,
/// and the only place where `EINTR` is retried.
///
/// `EFAULT`, and `EBADF` on a descriptor that is ours, say that this library has a bug which could
/// write into somebody else's file: they stop the program. A descriptor or a raw value that a user
/// hands over (`ours: false`) may well be bad, which is an ordinary error.
@inline(__always)
package func systemCall<Result: FixedWidthInteger & SignedInteger>(
    _ call: SystemCall,
    onInterrupt: Interruption = .retry,
    ours: Bool = true,
    _ body: () -> Result
) throws(Errno) -> Result {
    while true {
        let code: Errno
        #if DEBUG
            if let injected = FaultInjection.current?.nextError(of: call) {
                code = injected
            } else {
                let result = body()
                if result != -1 { return result }
                code = Errno(rawValue: errno)
            }
        #else
            let result = body()
            if _fastPath(result != -1) { return result }
            code = Errno(rawValue: errno)
        #endif
        if code == .interrupted, onInterrupt == .retry { continue }
        if ours, code == .badAddress || code == .badFileDescriptor {
            fatalError(
                "\(call.rawValue)(2) failed with \(code): a bug in Sockets, please report it")
        }
        throw code
    }
}

/// As `systemCall`, for calls that move bytes: `body` is told how many it may move, so that tests
/// can make any transfer a short one.
@inline(__always)
package func transferCall(
    _ call: SystemCall,
    _ count: Int,
    onInterrupt: Interruption,
    ours: Bool = true,
    _ body: (Int) -> Int
) throws(Errno) -> Int {
    #if DEBUG
        let count = FaultInjection.current?.limit(count, of: call) ?? count
    #endif
    return try systemCall(call, onInterrupt: onInterrupt, ours: ours) { body(count) }
}
