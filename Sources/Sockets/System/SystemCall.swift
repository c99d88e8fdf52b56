internal import Glibc
package import SystemPackage

/// The system calls of this package, by the names of their manual pages.
package enum SystemCall: String, Sendable, CaseIterable {
    case socket, socketpair, bind, listen, accept, connect, shutdown, close, dup, fcntl
    case recv, recvfrom, recvmsg, recvmmsg, send, sendto, sendmsg, sendfile, pread, poll
    case pipe, splice
    case getsockname, getpeername, getsockopt, setsockopt, ioctl, gethostname, lstat, unlink
    case epoll_create1, epoll_ctl, epoll_wait, eventfd, read, write
    case open, opendir, readlinkat, process_vm_readv, fstatat, getifaddrs
}

/// A namespace with one function for each system call, under the call's own name.
package enum System {}

/// The reaction if a signal interrupts a call before the call had an effect (`EINTR`).
package enum Interruption {
    /// Repeats the call, which is correct for calls without their own time limit.
    case retry
    /// Throws `EINTR`, so that a caller with a deadline can compute the remaining time again.
    case report
}

/// Makes one system call, and throws the error number if the result is −1.
///
/// The library makes every call of ``SystemCall`` through this function, so that checks and retries
/// are in one place.
///
/// `EFAULT` and `EBADF` stop the program, because they reveal a bug, after which the library could
/// write into an unrelated file. If `fromUser` is true, the user's descriptor or raw value may be
/// invalid, so these errors are thrown like any other.
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
/// `body` receives the number of bytes that it may transfer, which tests can reduce to make any
/// transfer short.
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
