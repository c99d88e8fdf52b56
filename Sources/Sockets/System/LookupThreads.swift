internal import DequeModule
internal import SystemPackage

/// Threads for calls that cannot be interrupted, such as getaddrinfo(3), so that the caller can
/// stop waiting at its deadline.
///
/// While all threads are in use, further calls wait in a queue and run in the order in which they
/// came. So the caller waits for a thread and for the result within one limit.
package struct LookupThreads: Sendable {
    /// The threads for all lookups of the process that may need a name server.
    ///
    /// A name server that does not answer delays each lookup for seconds, even if its caller has
    /// abandoned it. The limit prevents a program that repeats lookups in a loop from filling its
    /// memory with stacks. It is so high that abandoned lookups rarely delay others. A lookup that
    /// waits takes about 70 KB.
    package static let shared = LookupThreads(atMost: 512)

    /// The threads for lookups that only read the services database.
    ///
    /// These lookups need no name server, so lookups that wait for a name server must not delay
    /// them.
    static let services = LookupThreads(atMost: 16)

    /// The reason why a call has no result.
    package enum Failure: Error, Equatable {
        /// The system has no more threads, and no call is running.
        case noThread(Errno)
        /// The call did not end in time. `hasBegun` is false if it was still waiting for a thread.
        case timedOut(hasBegun: Bool)
    }

    /// A call that is running or waiting for a thread.
    final class Call: Sendable {
        fileprivate let body: @Sendable () -> () -> Void

        fileprivate init(_ body: @escaping @Sendable () -> () -> Void) { self.body = body }
    }

    private struct State {
        var running = 0
        var queue = Deque<Call>()
    }

    /// The largest number of threads.
    let maximum: Int
    private let state = Lock(State())

    /// Creates a set of threads for at most `maximum` calls at a time, including abandoned calls.
    package init(atMost maximum: Int) { self.maximum = maximum }

    /// Returns the result of `body`.
    ///
    /// If `body` is still running after `duration`, it continues until it ends, and its result is
    /// dropped. If it has not begun by then, it is never called.
    package func run<Result: Sendable>(
        for duration: Duration, _ body: @escaping @Sendable () -> Result
    ) throws(Failure) -> Result {
        let result = Monitor<Result?>(nil)
        let call: Call
        do throws(Errno) {
            call = try start {
                let value = body()
                return { result.update { $0 = value } }
            }
        } catch {
            throw .noThread(error)
        }
        result.wait(atMost: duration) { $0 != nil }
        if let value = result.update({ $0 }) { return value }
        throw .timedOut(hasBegun: abandon(call))
    }

    /// Runs `body` on a thread, either at once or after the calls that are already waiting.
    ///
    /// The closure that `body` returns is called when the thread no longer counts towards the
    /// limit.
    ///
    /// - Throws: `EAGAIN` if the system has no more threads, and no call is running.
    func start(_ body: @escaping @Sendable () -> () -> Void) throws(Errno) -> Call {
        let call = Call(body)
        try state.withLock { state throws(Errno) in
            guard state.running < maximum else { return state.queue.append(call) }
            do throws(Errno) {
                try System.startThread { work(on: call) }
                state.running += 1
            } catch {
                // If another thread is running, it takes this call from the queue after its current
                // call.
                guard state.running > 0 else { throw error }
                state.queue.append(call)
            }
        }
        return call
    }

    /// Removes a call from the queue, and returns whether it has begun.
    func abandon(_ call: Call) -> Bool {
        state.withLock { state in
            guard let index = state.queue.firstIndex(where: { $0 === call }) else { return true }
            state.queue.remove(at: index)
            return false
        }
    }

    /// Makes a call, and then the calls in the queue.
    private func work(on first: Call) {
        var next: Call? = first
        while let call = next {
            let end = call.body()
            // The slot is freed before the closure runs, because the closure may cause the next
            // call at once.
            next = state.withLock { state in
                let next = state.queue.popFirst()
                if next == nil { state.running -= 1 }
                return next
            }
            end()
        }
    }
}
