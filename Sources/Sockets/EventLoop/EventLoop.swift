internal import DequeModule
internal import Synchronization
internal import SystemPackage

/// A thread that waits for many sockets and runs the tasks that use them.
///
/// Tasks that prefer a loop as their executor run on its thread, where waiting for a socket does not
/// switch threads. Connections work from any other task too, but not as fast. Blocking code must not
/// run on a loop, because it would hold up every connection of the loop.
final class EventLoop: TaskExecutor, @unchecked Sendable {
    // Safe: only the loop's own thread uses the variables. No reference into them is held while
    // other code runs, so their exclusivity checks are left out.
    private let poller: Poller
    /// Jobs that an event of this turn woke.
    ///
    /// They run before those that have just had their turn.
    @exclusivity(unchecked) private var wokenJobs = Deque<UnownedJob>()
    @exclusivity(unchecked) private var otherJobs = Deque<UnownedJob>()
    @exclusivity(unchecked) private var isDispatching = false
    /// Whether the loop ends as soon as there is nothing left to run.
    private var isStopping = false
    @exclusivity(unchecked) private var timers = TimerQueue()
    /// The number of operations that the running job may still make before it has to yield.
    @exclusivity(unchecked) private(set) var operationBudget = 0
    /// Whether a task has yielded and has not checked for cancellation since.
    @exclusivity(unchecked) private var needsCancellationCheck = false
    /// Sources that this thread deregistered.
    ///
    /// They are released later, because the current batch of events may still contain one of
    /// theirs.
    @exclusivity(unchecked) private var pendingReleases: [Unmanaged<EventSource>] = []

    /// The budget of a job.
    ///
    /// Reads that are ready never suspend, so without a budget two peers that always send would
    /// starve a third (4 of 4 runs).
    static let operationsPerTurn = 32

    // Safe: `scratch` returns it on the loop's own thread only.
    private let memory: UnsafeMutableRawBufferPointer

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
    /// Without a thread, the calling code runs the turns.
    ///
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/system(_:)`` if there are no
    ///   descriptors or no threads left. A loop needs two descriptors.
    init(startingThread: Bool = true) throws(SocketError) {
        do throws(Errno) {
            poller = try Poller.make()
            // Allocate after the call that can fail, because an initializer that throws runs no
            // `deinit`.
            memory = .allocate(byteCount: 65536, alignment: 64)
            if startingThread { try System.startThread { self.run() } }
        } catch {
            throw SocketError(.startEventLoop, .system(error))
        }
    }

    /// Creates a loop that failed to start.
    ///
    /// Registering a source fails, and tasks run elsewhere.
    init(failing failure: Errno) {
        poller = .failing(failure)
        memory = .allocate(byteCount: 1, alignment: 1)
        mailbox.withLock { $0.hasStopped = true }
    }

    /// The error that kept the loop from starting, if any.
    var failure: Errno? { poller.failure }

    /// Whether the calling code runs on the loop's thread.
    @inline(__always)
    var isCurrent: Bool {
        thread.load(ordering: .relaxed) == System.currentThread
    }

    deinit { memory.deallocate() }

    /// A buffer that code on the loop's thread may use until it suspends, or `nil` on other
    /// threads.
    ///
    /// A connection whose bytes are consumed at once needs no buffer of its own.
    @inline(__always)
    var scratch: UnsafeMutableRawBufferPointer? { isCurrent ? memory : nil }

    /// Counts one operation of the running job.
    ///
    /// Returns whether the budget allows it, which is always so on other threads.
    @inline(__always)
    func consumeOperation() -> Bool {
        guard isCurrent else { return true }
        operationBudget &-= 1
        return operationBudget >= 0
    }

    /// Counts the first operation of a task that has yielded.
    func resumeAfterYield() {
        _ = consumeOperation()
        if isCurrent { needsCancellationCheck = true }
    }

    /// Returns whether the running task has to check for cancellation, because it has yielded since
    /// its last check.
    ///
    /// On other threads it always has to.
    @inline(__always)
    func consumeCancellationCheck() -> Bool {
        guard isCurrent else { return true }
        guard _slowPath(needsCancellationCheck) else { return false }
        needsCancellationCheck = false
        return true
    }

    /// Runs a job of Swift's concurrency in one of the next turns.
    ///
    /// The runtime calls this.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            if isDispatching { wokenJobs.append(job) } else { otherJobs.append(job) }
            return
        }
        let isRunning = mailbox.withLock { mailbox in
            if !mailbox.hasStopped { mailbox.jobs.append(job) }
            return !mailbox.hasStopped
        }
        guard isRunning else {
            // A task that outlives its loop runs on the global executor. Running it here would
            // interrupt the code that woke it.
            globalConcurrentExecutor.enqueue(ExecutorJob(job))
            return
        }
        wake()
    }

    /// Runs a closure on the loop's thread, at once if the calling code is on that thread.
    func perform(_ closure: @escaping @Sendable (EventLoop) -> Void) {
        if isCurrent { return closure(self) }
        let isRunning = mailbox.withLock { mailbox in
            // A loop that has ended would keep the closure, which may keep the loop.
            if !mailbox.hasStopped { mailbox.closures.append(closure) }
            return !mailbox.hasStopped
        }
        if isRunning { wake() }
    }

    /// Ends the loop when there is nothing left to run.
    ///
    /// Close its sources first.
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

    /// Registers a source, which gets the events of its descriptor from now on.
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
    func retain(_ source: EventSource) {
        _ = Unmanaged.passRetained(source)
    }

    /// Notifies a source about a descriptor that the source does not own.
    func watch(_ descriptor: Int32, for source: EventSource) throws(Errno) {
        let token = UInt(bitPattern: Unmanaged.passUnretained(source).toOpaque())
        try poller.register(descriptor, token: token, reportsWritable: true)
    }

    /// Ends what `watch` began.
    func unwatch(_ descriptor: Int32) {
        poller.deregister(descriptor)
    }

    /// Changes whether a registered source is notified when its descriptor becomes writable.
    func change(_ source: EventSource, reportsWritable: Bool) throws(Errno) {
        let token = UInt(bitPattern: Unmanaged.passUnretained(source).toOpaque())
        try poller.change(source.descriptor, token: token, reportsWritable: reportsWritable)
    }

    /// Deregisters a source.
    ///
    /// It stays in memory until no pending event can refer to it.
    func deregister(_ source: EventSource) {
        if source.ownsDescriptor { poller.deregister(source.descriptor) }
        let source = Unmanaged.passUnretained(source)
        if isCurrent { return pendingReleases.append(source) }
        let isRunning = mailbox.withLock { mailbox in
            if !mailbox.hasStopped { mailbox.pendingReleases.append(source) }
            return !mailbox.hasStopped
        }
        // A loop that has ended delivers no events, and does not empty the mailbox either.
        if isRunning { wake() } else { finishDeregistration(of: source) }
    }

    /// Adds a timer that calls `target` at `instant`.
    ///
    /// Call this on the loop's thread only.
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
        // The system reuses the identity of the thread for another one, which must not be mistaken
        // for this one.
        thread.store(0, ordering: .relaxed)
    }

    /// Runs the first half of a turn: the jobs.
    ///
    /// Returns how long the second half may wait in nanoseconds, or `nil` for ever.
    @inline(__always)
    func beginTurn(on executor: UnownedTaskExecutor) -> Int64? {
        runJobs(on: executor)
        finishDeregistrations()
        let isBusy = !otherJobs.isEmpty || !wokenJobs.isEmpty || isStopping
        if isBusy { return 0 }
        // Read the clock again, because the jobs may have taken long.
        return timers.isEmpty ? nil : timers.wait(from: System.continuousNanoseconds())
    }

    /// Runs the second half of a turn: waits for events and delivers them.
    ///
    /// Returns whether the loop has to end.
    @inline(__always)
    func wait(nanoseconds: Int64?) -> Bool {
        // Other threads wake the loop after they put something into the mailbox, so without a wake
        // it is empty.
        var hasMail = isStopping
        isDispatching = true
        poller.wait(nanoseconds: nanoseconds) {
            isWakePending.store(false, ordering: .sequentiallyConsistent)
            hasMail = true
        } changed: { token, readiness in
            // Safe: a registered source is retained, and a deregistered one is not released
            // before this batch of events ends.
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
        /// Makes the calling thread the loop's thread or not, for code that runs the turns itself.
        func setCurrent(_ isCurrent: Bool) {
            thread.store(isCurrent ? System.currentThread : 0, ordering: .relaxed)
        }

        /// The nanoseconds until the first timer, or `nil` if there is none.
        var timeToFirstTimer: Int64? { timers.wait(from: System.continuousNanoseconds()) }
    #endif

    /// Runs the jobs that were there when the turn began.
    ///
    /// Jobs that they enqueue wait for the next turn.
    private func runJobs(on executor: UnownedTaskExecutor) {
        for _ in 0..<wokenJobs.count {
            operationBudget = Self.operationsPerTurn
            wokenJobs.removeFirst().runSynchronously(on: executor)
        }
        for _ in 0..<otherJobs.count {
            operationBudget = Self.operationsPerTurn
            otherJobs.removeFirst().runSynchronously(on: executor)
        }
    }

    /// Releases the deregistered sources.
    ///
    /// Runs between two batches of events, when no pending event can refer to them, and before a
    /// wait, which may be long.
    private func finishDeregistrations() {
        guard !pendingReleases.isEmpty else { return }
        // The release of a source may close others.
        let released = pendingReleases
        pendingReleases.removeAll(keepingCapacity: true)
        for source in released { finishDeregistration(of: source) }
    }

    private func finishDeregistration(of source: Unmanaged<EventSource>) {
        source._withUnsafeGuaranteedRef { $0.didDeregister() }
        source.release()
    }

    /// Takes what other threads handed over.
    ///
    /// Returns whether the loop has to end.
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
