internal import DequeModule
internal import Synchronization
internal import SystemPackage

/// A thread that waits for many sockets and runs the tasks that use them.
///
/// Tasks that prefer a loop as their executor run on its thread, where waiting for a socket does
/// not switch threads. Connections also work from other tasks, but more slowly. Blocking code must
/// not run on a loop, because it would delay every connection of the loop.
final class EventLoop: TaskExecutor, @unchecked Sendable {
    // Safe because only the loop's own thread uses the variables. Their exclusivity checks are
    // disabled, because no access to a variable continues while other code runs.
    private let poller: Poller
    /// The jobs that an event of this turn woke.
    ///
    /// They run before `otherJobs`, which may contain jobs that ran in the previous turn and then
    /// yielded.
    @exclusivity(unchecked) private var wokenJobs = Deque<UnownedJob>()
    @exclusivity(unchecked) private var otherJobs = Deque<UnownedJob>()
    @exclusivity(unchecked) private var isDispatching = false
    /// A Boolean value that indicates whether the loop ends as soon as it has no jobs left.
    private var isStopping = false
    @exclusivity(unchecked) private var timers = TimerQueue()
    /// The number of operations that the running job may still make before `yieldIfNeeded` must
    /// check whether it must yield, or a negative number if it must check in each operation.
    @exclusivity(unchecked) private var operationBudget = 0
    /// The value of `operationBudget` below which the running job must yield.
    @exclusivity(unchecked) private var lowestBudget = 0
    /// A Boolean value that indicates whether a task has yielded but has not checked for
    /// cancellation since then.
    @exclusivity(unchecked) private var needsCancellationCheck = false
    /// The sources that this thread deregistered but has not released yet.
    ///
    /// They are released later, because the current batch may still contain their events.
    @exclusivity(unchecked) private var pendingReleases: [Unmanaged<EventSource>] = []

    /// The number of operations that a job may make in one turn.
    ///
    /// A read that is ready never suspends its task. So without this budget, two peers that always
    /// sent starved a third peer in 4 of 4 runs.
    static let operationsPerTurn = 32

    // Safe because `scratch` returns this memory only on the loop's own thread.
    private let memory: UnsafeMutableRawBufferPointer
    // Safe for the same reason as `memory`. A loop allocates it only if its connections use TLS.
    @exclusivity(unchecked) private var encryptedMemory: UnsafeMutableRawBufferPointer?

    private let mailbox = Lock(Mailbox())
    private let isWakePending = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)

    /// The work that other threads submit to the loop.
    private struct Mailbox {
        var jobs: [UnownedJob] = []
        var closures: [@Sendable (EventLoop) -> Void] = []
        /// The sources that other threads deregistered.
        var pendingReleases: [Unmanaged<EventSource>] = []
        var isStopping = false
        var hasStopped = false
    }

    /// Creates a loop and starts its thread.
    ///
    /// If `startingThread` is false, the caller must run the turns.
    ///
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/system(_:)`` if no descriptors
    ///   or threads are left. A loop needs two descriptors.
    init(startingThread: Bool = true) throws(SocketError) {
        do throws(Errno) {
            poller = try Poller.make()
            // Allocate after this call, because `deinit` does not run if an initializer throws
            // before all properties are set.
            memory = .allocate(byteCount: 65536, alignment: 64)
            if startingThread { try System.startThread { self.run() } }
        } catch {
            throw SocketError(.startEventLoop, .system(error))
        }
    }

    /// Creates a loop that failed to start.
    ///
    /// Registering a source then fails, and tasks run on the global executor.
    init(failing failure: Errno) {
        poller = .failing(failure)
        memory = .allocate(byteCount: 1, alignment: 1)
        mailbox.withLock { $0.hasStopped = true }
    }

    /// The error that kept the loop from starting, if any.
    var failure: Errno? { poller.failure }

    /// Checks that the loop has started.
    ///
    /// - Throws: ``SocketError/Cause/system(_:)`` with the operation
    ///   ``SocketError/Operation/startEventLoop`` if there were no descriptors or no threads left.
    func checkStarted() throws(SocketError) {
        if let failure { throw SocketError(.startEventLoop, .system(failure)) }
    }

    /// A Boolean value that indicates whether the current thread is the loop's thread.
    @inline(__always)
    var isCurrent: Bool { thread.load(ordering: .relaxed) == System.currentThread }

    deinit {
        memory.deallocate()
        encryptedMemory?.deallocate()
    }

    /// A buffer that code on the loop's thread may use until it suspends, or `nil` on other
    /// threads.
    ///
    /// With it, a connection whose bytes are consumed at once needs no buffer of its own.
    @inline(__always)
    var scratch: UnsafeMutableRawBufferPointer? { isCurrent ? memory : nil }

    /// A second buffer with the same rules as ``scratch``, for the encrypted bytes of TLS.
    var encryptedScratch: UnsafeMutableRawBufferPointer? {
        guard isCurrent else { return nil }
        let memory = encryptedMemory ?? .allocate(byteCount: 131_072, alignment: 64)
        encryptedMemory = memory
        return memory
    }

    /// Counts one operation of the running job, and returns whether the budget allows it.
    ///
    /// While a `withTimeLimit` is active, the result is false, because each operation must check
    /// its limit. On the loop's thread, this applies to jobs that begin after the `withTimeLimit`
    /// has begun. Outside the loop's thread, nothing is counted.
    @inline(__always)
    func consumeOperation() -> Bool {
        guard isCurrent else { return !System.hasTimeLimits }
        operationBudget &-= 1
        return operationBudget >= 0
    }

    /// A Boolean value that indicates whether the running job has made all the operations that it
    /// may make in one turn.
    ///
    /// Outside the loop's thread, the value is always false.
    var mustYield: Bool { isCurrent && operationBudget < lowestBudget }

    /// Counts the operation before which the running task has yielded.
    ///
    /// The next `consumeCancellationCheck` then returns `true`.
    func resumeAfterYield() {
        _ = consumeOperation()
        if isCurrent { needsCancellationCheck = true }
    }

    /// Returns whether the running task must check for cancellation, because a task has yielded
    /// since the last check.
    ///
    /// Outside the loop's thread, the result is always true.
    @inline(__always)
    func consumeCancellationCheck() -> Bool {
        guard isCurrent else { return true }
        guard _slowPath(needsCancellationCheck) else { return false }
        needsCancellationCheck = false
        return true
    }

    /// Enqueues a job of Swift's concurrency runtime for one of the next turns.
    ///
    /// The runtime calls this method.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            if isDispatching { wokenJobs.append(job) } else { otherJobs.append(job) }
            return
        }
        if !submit({ $0.jobs.append(job) }) {
            // Use the global executor for a task that outlives its loop, because running the task
            // here would interrupt the code that woke it.
            globalConcurrentExecutor.enqueue(ExecutorJob(job))
        }
    }

    /// Runs a closure on the loop's thread, or at once if that is the current thread.
    func perform(_ closure: @escaping @Sendable (EventLoop) -> Void) {
        if isCurrent { return closure(self) }
        // The closure is dropped if the loop has ended. Otherwise the loop would retain a closure
        // that may retain the loop.
        _ = submit { $0.closures.append(closure) }
    }

    /// Adds work to the mailbox and wakes the loop.
    ///
    /// Returns `false` without adding the work if the loop has ended.
    @inline(__always)
    private func submit(_ add: (inout Mailbox) -> Void) -> Bool {
        let isRunning = mailbox.withLock { mailbox in
            if !mailbox.hasStopped { add(&mailbox) }
            return !mailbox.hasStopped
        }
        if isRunning { wake() }
        return isRunning
    }

    /// Ends the loop when it has no jobs left.
    ///
    /// Close the loop's sources first.
    func stop() {
        mailbox.withLock { $0.isStopping = true }
        wake()
    }

    /// A Boolean value that indicates whether the loop has stopped.
    var hasStopped: Bool { mailbox.withLock { $0.hasStopped } }

    /// Wakes the loop, unless an earlier wake is still pending.
    private func wake() {
        if !isWakePending.exchange(true, ordering: .sequentiallyConsistent) { poller.wake() }
    }

    // MARK: Sources

    /// Registers a source, which then receives the events of its descriptor.
    func register(_ source: EventSource, reportsWritable: Bool) throws(Errno) {
        let retained = Unmanaged.passRetained(source)
        do throws(Errno) {
            try poller.register(
                source.descriptor, token: UInt(bitPattern: retained.toOpaque()),
                reportsWritable: reportsWritable)
        } catch {
            retained.release()
            throw error
        }
    }

    /// Retains a source without a descriptor until it is deregistered.
    func retain(_ source: EventSource) { _ = Unmanaged.passRetained(source) }

    /// Starts to notify a source about the events of a descriptor that the source does not own.
    func watch(_ descriptor: Int32, for source: EventSource) throws(Errno) {
        let token = UInt(bitPattern: Unmanaged.passUnretained(source).toOpaque())
        try poller.register(descriptor, token: token, reportsWritable: true)
    }

    /// Stops notifying a source about a watched descriptor.
    func unwatch(_ descriptor: Int32) { poller.deregister(descriptor) }

    /// Changes whether a registered source is notified when its descriptor becomes writable.
    func change(_ source: EventSource, reportsWritable: Bool) throws(Errno) {
        let token = UInt(bitPattern: Unmanaged.passUnretained(source).toOpaque())
        try poller.change(source.descriptor, token: token, reportsWritable: reportsWritable)
    }

    /// Deregisters a source.
    ///
    /// The source stays in memory until no pending event can refer to it.
    func deregister(_ source: EventSource) {
        if source.ownsDescriptor { poller.deregister(source.descriptor) }
        let source = Unmanaged.passUnretained(source)
        if isCurrent { return pendingReleases.append(source) }
        // A loop that has ended neither delivers events nor empties its mailbox, so release the
        // source at once.
        if !submit({ $0.pendingReleases.append(source) }) { finishDeregistration(of: source) }
    }

    /// Adds a timer that calls `target` at `instant`.
    ///
    /// Call this method only on the loop's thread.
    @discardableResult
    func schedule(
        _ target: any TimerTarget, _ direction: EventSource.Direction, at instant: Int64
    ) -> TimerQueue.Timer {
        timers.insert(target, direction, at: instant)
    }

    // MARK: The loop

    private func run() {
        thread.store(System.currentThread, ordering: .relaxed)
        let executor = asUnownedTaskExecutor()
        while !wait(nanoseconds: beginTurn(on: executor)) {}
        finishDeregistrations()
        // Clear the identity, because the system may reuse it for another thread, which must not be
        // mistaken for the loop's thread.
        thread.store(0, ordering: .relaxed)
    }

    /// Runs the jobs, which are the first half of a turn.
    ///
    /// Returns how many nanoseconds the second half may wait, or `nil` for no limit.
    @inline(__always)
    func beginTurn(on executor: UnownedTaskExecutor) -> Int64? {
        runJobs(on: executor)
        finishDeregistrations()
        let isBusy = !otherJobs.isEmpty || !wokenJobs.isEmpty || isStopping
        if isBusy { return 0 }
        // Read the clock only after the jobs, because they may have taken long.
        return timers.isEmpty ? nil : timers.wait(from: System.continuousNanoseconds())
    }

    /// Waits for events and delivers them, which is the second half of a turn.
    ///
    /// Returns whether the loop must end.
    @inline(__always)
    func wait(nanoseconds: Int64?) -> Bool {
        // Other threads wake the loop after adding to the mailbox, so the mailbox is empty unless
        // there was a wakeup.
        var hasMail = isStopping
        isDispatching = true
        poller.wait(nanoseconds: nanoseconds) {
            isWakePending.store(false, ordering: .sequentiallyConsistent)
            hasMail = true
        } changed: { token, readiness in
            // Safe because a registered source is retained, and a deregistered source is released
            // only after this batch of events.
            guard let pointer = UnsafeRawPointer(bitPattern: token) else { return }
            Unmanaged<EventSource>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
                $0.changed(readiness)
            }
        }
        if !timers.isEmpty { timers.fire(at: System.continuousNanoseconds()) }
        let hasStopped = _slowPath(hasMail) ? emptyMailbox() : false
        isDispatching = false
        return hasStopped
    }

    #if DEBUG
        /// Sets whether the calling thread is the loop's thread, for code that runs the turns
        /// itself.
        func setCurrent(_ isCurrent: Bool) {
            thread.store(isCurrent ? System.currentThread : 0, ordering: .relaxed)
        }

        /// The nanoseconds until the first timer, or `nil` if there is none.
        var timeToFirstTimer: Int64? { timers.wait(from: System.continuousNanoseconds()) }
    #endif

    /// Runs the jobs that were enqueued before the turn began.
    ///
    /// Jobs that are enqueued meanwhile wait for the next turn.
    private func runJobs(on executor: UnownedTaskExecutor) {
        // While a `withTimeLimit` is active, start with an empty budget, so that each operation
        // checks its limit. A job that suspends often would never use the budget up, and its
        // operations may be ready for ever.
        let budget = System.hasTimeLimits ? 0 : Self.operationsPerTurn
        lowestBudget = budget - Self.operationsPerTurn
        for _ in 0..<wokenJobs.count {
            operationBudget = budget
            wokenJobs.removeFirst().runSynchronously(on: executor)
        }
        for _ in 0..<otherJobs.count {
            operationBudget = budget
            otherJobs.removeFirst().runSynchronously(on: executor)
        }
    }

    /// Releases the deregistered sources.
    ///
    /// The loop calls this method between two batches of events, because then no pending event can
    /// refer to the sources. It does so before a wait, because the wait may be long.
    private func finishDeregistrations() {
        guard !pendingReleases.isEmpty else { return }
        // Copy the list first, because the release of a source may close other sources.
        let released = pendingReleases
        pendingReleases.removeAll(keepingCapacity: true)
        for source in released { finishDeregistration(of: source) }
    }

    private func finishDeregistration(of source: Unmanaged<EventSource>) {
        source._withUnsafeGuaranteedRef { $0.didDeregister() }
        source.release()
    }

    /// Accepts the work that other threads submitted.
    ///
    /// Returns whether the loop must end.
    private func emptyMailbox() -> Bool {
        var closures: [@Sendable (EventLoop) -> Void] = []
        let hasStopped = mailbox.withLock { mailbox in
            otherJobs.append(contentsOf: mailbox.jobs)
            mailbox.jobs.removeAll(keepingCapacity: true)
            swap(&mailbox.closures, &closures)
            pendingReleases += mailbox.pendingReleases
            mailbox.pendingReleases.removeAll(keepingCapacity: true)
            isStopping = mailbox.isStopping
            mailbox.hasStopped = isStopping && otherJobs.isEmpty && wokenJobs.isEmpty
            return mailbox.hasStopped
        }
        for closure in closures { closure(self) }
        return hasStopped
    }
}
