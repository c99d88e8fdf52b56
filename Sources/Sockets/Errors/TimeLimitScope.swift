internal import Synchronization

/// A call of `withTimeLimit`, whose limit applies to all operations inside it.
///
/// An operation looks for its scope only when its deadline starts. In a task, the deadline starts
/// when the task is about to wait, so an operation that is ready has no extra cost. On a thread,
/// the deadline starts with each call. While no scope runs in the process, the lookup costs one
/// load of a number.
///
/// A task whose operations are always ready never starts a deadline. So `yieldIfNeeded` checks the
/// scope too, in each operation while any scope runs in the process. Only a job that was running on
/// the loop's thread when the first scope began may make up to 32 operations without the check.
final class TimeLimitScope: Sendable {
    /// The scopes around the current task or thread.
    ///
    /// Child tasks inherit them. Unstructured tasks inherit them too and may outlive a scope, so
    /// scopes that have ended are skipped. The scopes do not refer to each other. Otherwise, a
    /// program in which each task starts the next one inside a scope would keep all scopes in
    /// memory.
    @TaskLocal private static var enclosing: [TimeLimitScope] = []

    /// The instant at which the limit passes, on the continuous clock.
    let end: Int64
    /// The limit that the program passed.
    private let limit: TimeLimit
    private let hasEnded = Atomic<Bool>(false)

    /// Creates a scope whose limit starts now.
    ///
    /// Returns `nil` if the limit is ``TimeLimit/never``. A limit that ends after the outer limit
    /// has a scope too, because an unstructured task may outlive the outer scope.
    init?(_ limit: TimeLimit) {
        guard limit != .never else { return nil }
        end = Deadline.instant(of: limit)
        self.limit = limit
    }

    /// The running scope whose limit passes first, or `nil` if the operations have no common limit.
    @inline(__always)
    static var current: TimeLimitScope? {
        guard _slowPath(System.hasTimeLimits) else { return nil }
        return earliest
    }

    @inline(never)
    private static var earliest: TimeLimitScope? {
        var earliest: TimeLimitScope?
        for scope in enclosing where scope.isRunning {
            if scope.end < earliest?.end ?? .max { earliest = scope }
        }
        return earliest
    }

    private var isRunning: Bool { !hasEnded.load(ordering: .acquiring) }

    /// The instant at which the limit of the current scope passes, or `Int64.max` if there is none.
    static var currentEnd: Int64 { current?.end ?? .max }

    /// A Boolean value that indicates whether the limit of the current scope has passed.
    static var currentHasPassed: Bool { current?.hasPassed ?? false }

    /// Throws `timedOut` if the limit of the current scope has passed.
    static func check() throws(WaitFailure) {
        if currentHasPassed { throw WaitFailure(.timedOut(limit: nil)) }
    }

    /// Returns the hint for an operation that ended with `cause`, or `nil` if the current scope did
    /// not end it.
    static func hint(for cause: SocketError.Cause) -> String? {
        // The limit in the cause is nil if an instant ended the operation, and a scope ends
        // operations at an instant.
        guard case .timedOut(limit: nil) = cause, let current, current.hasPassed else { return nil }
        return current.limit.duration.map { "withTimeLimit(\($0.brief)) ended the operation." }
            ?? "withTimeLimit ended the operation at its instant."
    }

    private var hasPassed: Bool { System.continuousNanoseconds() >= end }

    /// Calls `body` inside the scope.
    func run<Success, Failure>(
        _ body: () throws(Failure) -> Success
    ) throws(Failure) -> Success {
        System.beginTimeLimit()
        defer { finish() }
        // `withValue` has no typed throws, so its closure returns a `Result`.
        return try Self.$enclosing.withValue(scopesInside) { Result(catching: body) }.get()
    }

    /// Calls `body` inside the scope, in the task's current isolation.
    func run<Success, Failure>(
        _ body: () async throws(Failure) -> Success
    ) async throws(Failure) -> Success {
        System.beginTimeLimit()
        defer { finish() }
        // `withValue` has no typed throws, so its closure returns a `Result`.
        let result = await Self.$enclosing.withValue(scopesInside) {
            () async -> Result<Success, Failure> in
            do throws(Failure) {
                return .success(try await body())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Returns a closure that calls `body` in the scopes of the current task or thread, for a thread
    /// that the library starts.
    static func inheriting(_ body: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let scopes = enclosing
        return { $enclosing.withValue(scopes, operation: body) }
    }

    /// The scopes around code that runs inside this scope.
    private var scopesInside: [TimeLimitScope] { Self.enclosing.filter { $0.isRunning } + [self] }

    private func finish() {
        hasEnded.store(true, ordering: .releasing)
        System.endTimeLimit()
    }
}

/// Calls a closure, and applies one time limit to all operations of the library inside it together.
///
/// ```swift
/// let greeting = try withTimeLimit(.seconds(5)) {
///     let stream = try SocketStream(to: .tcp(host, port: port))
///     try stream.write("hello\n")
///     try stream.flush()
///     return try stream.readLine()
/// }
/// ```
///
/// The limit starts with the call. When the limit passes, every waiting operation ends, and later
/// operations fail at once. These operations throw ``SocketError/Cause/timedOut(limit:)``, and
/// ``SocketError/hint`` names the limit. Bytes that are already in the buffer of a ``SocketStream``
/// can still be read, and ``Socket/awaitHangup(timeout:)`` still reports an earlier hang-up. The
/// `timeout:` of an operation and the limit of an outer `withTimeLimit` still apply, so the earliest
/// limit ends the operation. After the call, the limit has no effect.
///
/// The limit applies to the calling thread and to the handlers of
/// ``Socket/serve(threads:options:_:)``, whose grace period follows the limit. It does not apply to
/// other threads that `body` starts. It does not end code that does not call the library.
/// ``Socket/diagnose(watching:)`` has its own duration. For the async types, pass an async closure.
///
/// - Parameters:
///   - limit: The limit for all operations together. The value ``TimeLimit/never`` sets no limit.
///   - body: The code to run.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`.
public func withTimeLimit<Success, Failure>(
    _ limit: TimeLimit, _ body: () throws(Failure) -> Success
) throws(Failure) -> Success {
    guard let scope = TimeLimitScope(limit) else { return try body() }
    return try scope.run(body)
}

/// Calls an async closure, and applies one time limit to all operations of the library inside it
/// together.
///
/// ```swift
/// let reply = try await withTimeLimit(.seconds(5)) {
///     try await withConnection(to: .tcp(host, port: port)) { connection in
///         try await connection.write("hello\n")
///         return try await connection.readLine()
///     }
/// }
/// ```
///
/// The limit starts with the call. When the limit passes, every waiting operation ends. Later
/// operations fail too, except that a few operations that need not wait may still succeed. If the
/// operations of a task never wait, they fail soon after the limit. These operations throw
/// ``SocketError/Cause/timedOut(limit:)``, and ``SocketError/hint`` names the limit. The `timeout:`
/// of an operation and the limit of an outer `withTimeLimit` still apply, so the earliest limit
/// ends the operation.
///
/// The limit also applies to child tasks and to the handlers of ``Listener/serve(options:_:)``,
/// whose grace period follows the limit. It applies to an unstructured task only until the call
/// returns, but an operation in which the task waits at that moment still ends at the limit. It does
/// not apply to detached tasks. The limit does not cancel the task, so it does not end code that
/// does not call the library. ``Connection/diagnose(watching:)`` has its own duration.
///
/// - Parameters:
///   - limit: The limit for all operations together. The value ``TimeLimit/never`` sets no limit.
///   - body: The code to run, in the isolation of the caller.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`.
public func withTimeLimit<Success, Failure>(
    _ limit: TimeLimit, _ body: () async throws(Failure) -> Success
) async throws(Failure) -> Success {
    guard let scope = TimeLimitScope(limit) else { return try await body() }
    return try await scope.run(body)
}
