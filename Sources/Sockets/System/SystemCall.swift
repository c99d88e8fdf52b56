internal import Glibc
package import SystemPackage

/// The system calls of this folder, by the names of their manual pages.
package enum SystemCall: String, Sendable, CaseIterable {
    case socket, socketpair, bind, listen, accept, connect, shutdown, close, dup, fcntl
    case recv, recvfrom, recvmmsg, send, sendto, sendmsg, sendfile, poll
    case getsockname, getpeername, getsockopt, setsockopt, ioctl, gethostname, lstat, unlink
    case epoll_create1, epoll_ctl, epoll_wait, eventfd, read, write
    case open, opendir, readlinkat, process_vm_readv
}

/// The kernel's calls: one function for each, under the call's own name.
package enum System {}

/// What happens if a signal interrupts a call before the call had an effect (`EINTR`).
package enum Interruption {
    /// Repeats the call: for calls without a time limit of their own.
    case retry
    /// Throws: for calls with a deadline, because the remaining time must be computed again.
    case report
}

/// Makes one system call and turns −1 into the error number.
///
/// No other function does this, and no other function retries `EINTR`.
///
/// `EFAULT`, and `EBADF` on a descriptor that the library owns, reveal a bug that could write into
/// an unrelated file, so they stop the program. A descriptor or a raw value of the user (`fromUser: true`) may be invalid, which is an ordinary error.
@inline(__always)
package func systemCall<Result: FixedWidthInteger & SignedInteger>(
    _ call: SystemCall,
    onInterrupt: Interruption = .retry,
    fromUser: Bool = false,
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
        if !fromUser, code == .badAddress || code == .badFileDescriptor {
            fatalError(
                "\(call.rawValue)(2) failed with \(code): a bug in Sockets, please report it")
        }
        throw code
    }
}

/// Makes one system call that transfers bytes.
///
/// `body` gets the number of bytes that it may transfer, so that tests can make any transfer short.
@inline(__always)
package func transferCall(
    _ call: SystemCall,
    _ count: Int,
    onInterrupt: Interruption,
    fromUser: Bool = false,
    _ body: (Int) -> Int
) throws(Errno) -> Int {
    #if DEBUG
        let count = FaultInjection.current?.limit(count, of: call) ?? count
    #endif
    return try systemCall(call, onInterrupt: onInterrupt, fromUser: fromUser) { body(count) }
}
