internal import SystemPackage

/// A failure of libc's, which has a place among the causes of a `SocketError`.
protocol LookupFailure: Error {
    /// What it is to users.
    var cause: SocketError.Cause { get }
}

/// Asking libc for names, which may block for as long as name servers are silent.
enum Lookup {
    /// What libc answers to `question`, waited for until the deadline.
    ///
    /// Without a deadline the calling thread asks; with one, a thread of its own that is left to
    /// itself when the time is over. Then even `/etc/hosts` is no longer waited for.
    ///
    /// - Throws: The error that `makeError` makes of the cause.
    static func answer<Answer: Sendable, Failure: LookupFailure>(
        until deadline: Deadline,
        orThrow makeError: (SocketError.Cause) -> SocketError,
        to question: @escaping @Sendable () throws(Failure) -> Answer
    ) throws(SocketError) -> Answer {
        let ask: @Sendable () -> Result<Answer, Failure> = { Result(catching: question) }
        let result: Result<Answer, Failure>?
        do {
            if let remaining = deadline.remaining {
                result = try LookupThreads.lookups.run(for: remaining, ask)
            } else {
                result = ask()
            }
        } catch {
            throw makeError(.system(error))
        }
        switch result {
        case .success(let answer): return answer
        case .failure(let failure): throw makeError(failure.cause)
        case nil: throw makeError(deadline.cause)
        }
    }
}

extension AddressInfoFailure: LookupFailure {
    /// A failure of name resolution; the system's own where it was behind it.
    var cause: SocketError.Cause {
        if let errno { return .system(errno) }
        return .nameResolution(
            NameResolutionFailure(
                code: code, message: message, isNotFound: isNotFound, isTemporary: isTemporary))
    }
}

extension HostCallFailure: LookupFailure {
    /// A failure of a host look-up, in a class of its own.
    var cause: SocketError.Cause {
        switch self {
        case .hostNotFound: .hostLookup(.hostNotFound)
        case .tryAgain: .hostLookup(.tryAgain)
        case .noRecovery: .hostLookup(.noRecovery)
        case .noData: .hostLookup(.noData)
        case .system(let code): .system(code)
        }
    }
}
