internal import SystemPackage

/// An error of a libc lookup, which is converted to a cause of `SocketError`.
protocol LookupFailure: Error {
    /// The cause that users of the library see.
    var cause: SocketError.Cause { get }
}

/// Calls of libc's lookup functions, which may block for as long as name servers do not answer.
enum Lookup {
    /// Returns the result of `call`, or throws when the deadline passes.
    ///
    /// If the deadline never passes, `call` runs on the calling thread. Otherwise `call` runs on
    /// its own thread, even if it only reads `/etc/hosts`. The thread is abandoned when the
    /// deadline passes.
    ///
    /// - Throws: The error that `makeError` creates for the cause. If no thread can be started, its
    ///   operation is ``SocketError/Operation/startLookup``.
    static func result<Value: Sendable, Failure: LookupFailure>(
        until deadline: Deadline, on threads: LookupThreads = .shared,
        orThrow makeError: (SocketError.Cause) -> SocketError,
        of call: @escaping @Sendable () throws(Failure) -> Value
    ) throws(SocketError) -> Value {
        let body: @Sendable () -> Result<Value, Failure> = { Result(catching: call) }
        let result: Result<Value, Failure>
        do throws(LookupThreads.Failure) {
            if let remaining = deadline.remaining {
                result = try threads.run(for: remaining, body)
            } else {
                result = body()
            }
        } catch {
            switch error {
            case .noThread(let code):
                throw makeError(.system(code)).with(operation: .startLookup)
            case .timedOut(let hasBegun):
                throw makeError(deadline.cause).with(hint: hasBegun ? nil : queueHint(threads))
            }
        }
        switch result {
        case .success(let value): return value
        case .failure(let failure): throw makeError(failure.cause)
        }
    }

    /// Returns the hint for a lookup whose time limit passed while all threads were busy.
    static func queueHint(_ threads: LookupThreads) -> String {
        "All \(threads.maximum) lookup threads still wait for answers."
    }
}

extension AddressInfoFailure: LookupFailure {
    /// The system's error if a system call failed, and a name resolution failure otherwise.
    var cause: SocketError.Cause {
        if let errno { return .system(errno) }
        return .nameResolution(
            NameResolutionFailure(
                code: code, message: message, isNotFound: isNotFound, isTemporary: isTemporary))
    }
}

extension HostCallFailure: LookupFailure {
    /// The system's error if a system call failed, and a host lookup failure otherwise.
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
