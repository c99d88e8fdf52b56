internal import Synchronization
public import SystemPackage

// Waiting for the descriptor of another library.
extension Readiness {
    /// Waits until a descriptor is ready, without reading from it or writing to it.
    ///
    /// Use it for a library that has its own descriptor and says what to wait for, such as libpq or
    /// libcurl:
    ///
    /// ```swift
    /// while PQisBusy(connection) == 1 {
    ///     let descriptor = FileDescriptor(rawValue: PQsocket(connection))
    ///     try await Readiness.wait(for: descriptor, .readable, timeout: .seconds(5))
    ///     PQconsumeInput(connection)
    /// }
    /// ```
    ///
    /// The descriptor stays the property of the other library, and its blocking mode does not
    /// change. Several tasks may wait for one descriptor. The result describes the moment of the
    /// return, so another reader may then be faster. A descriptor that is always ready, such as a
    /// regular file, never waits. Each call lets other tasks run first, so a loop over such a
    /// descriptor does not hold them up.
    ///
    /// The call waits on a duplicate (dup(2)). If the other library closes its descriptor
    /// meanwhile, the wait goes on, and the peer of a socket notices the close only when the wait
    /// ends. So cancel the task before you close the descriptor.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor.
    ///   - interest: What to wait for. The wait also ends with ``ending``. With an empty set, it
    ///     ends only with ``ending``.
    ///   - timeout: The time limit for the wait.
    ///   - group: The loop group. One of its loops waits.
    /// - Returns: The values of `interest` for which the descriptor is ready, and ``ending`` if the
    ///   peer has half-closed or closed or if the descriptor has failed. The set is never empty.
    /// - Throws: ``SocketError`` with one of these causes:
    ///   - ``SocketError/Cause/system(_:)`` with `badFileDescriptor` if the descriptor is not open,
    ///     with `tooManyOpenFiles` if no descriptors are left for the duplicate, or with
    ///     `notPermitted` if `interest` is empty and the descriptor is always ready.
    ///   - ``SocketError/Cause/timedOut(limit:)`` if the descriptor was not ready in time, or if the
    ///     call is inside a `withTimeLimit` whose limit has passed.
    ///   - ``SocketError/Cause/cancelled`` if the task is cancelled before or during the wait.
    @discardableResult
    public static func wait(
        for descriptor: FileDescriptor, _ interest: Readiness, timeout: TimeLimit = .never,
        group: LoopGroup = .shared
    ) async throws(SocketError) -> Readiness {
        let number = descriptor.rawValue
        do throws(WaitFailure) {
            // If the descriptor is always ready, no call waits. So let other tasks run, and check
            // what would end a wait.
            await Task.yield()
            if Task.isCancelled { throw WaitFailure(.cancelled) }
            try TimeLimitScope.check()
            let readiness = try current(number, interest)
            if !readiness.isEmpty { return readiness }
            let loop = group.next()
            if let failure = loop.failure { throw WaitFailure(.system(failure)) }
            let source = try EventSource(watching: number, on: loop)
            defer { source.close(isConnection: false) }
            var deadline = Deadline(timeout)
            return try await source.wait(for: interest, until: &deadline)
        } catch {
            throw SocketError(.awaitReadiness, error.cause, subject: "descriptor \(number)")
        }
    }

    fileprivate static func current(
        _ descriptor: Int32, _ interest: Readiness
    ) throws(WaitFailure) -> Readiness {
        do throws(Errno) {
            return try System.readiness(of: descriptor, interest)
        } catch {
            throw WaitFailure(.system(error))
        }
    }
}

extension EventSource {
    /// Creates a source that waits on a duplicate of another library's descriptor.
    ///
    /// A loop cannot register one descriptor twice, and the kernel forgets a registration when the
    /// last duplicate is closed. So each wait has its own duplicate.
    fileprivate convenience init(
        watching descriptor: Int32, on loop: EventLoop
    ) throws(WaitFailure) {
        do throws(Errno) {
            try self.init(
                owning: OwnedDescriptor(System.duplicate(descriptor, fromUser: true)),
                with: .foreign, on: loop)
        } catch {
            throw WaitFailure(.system(error))
        }
    }

    /// Waits until the descriptor is ready.
    ///
    /// All events wake the reading direction, where the task waits.
    fileprivate func wait(
        for interest: Readiness, until deadline: inout Deadline
    ) async throws(WaitFailure) -> Readiness {
        waitsForBoth.store(interest.contains(.writable), ordering: .relaxed)
        while true {
            reading.word.clear()
            let readiness = try Readiness.current(descriptor, interest)
            if !readiness.isEmpty { return readiness }
            if deadline.hasPassed { throw WaitFailure(deadline.cause) }
            guard await wait(.reading, until: deadline.start()) else {
                throw WaitFailure(.cancelled)
            }
        }
    }
}
