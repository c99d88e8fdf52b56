internal import DequeModule
internal import Synchronization
internal import SystemPackage

/// One thread that waits for many sockets, and runs the tasks that use them.
///
/// Tasks that prefer a loop (`serve` places its handlers so) run on the loop's thread, where waiting
/// for a socket costs no change of threads. Connections work from any other task just as well,
/// only not as fast.
///
/// Nothing that blocks may run on a loop: it would hold up every connection of the loop.
public final class EventLoop: TaskExecutor, @unchecked Sendable {
    // Safe: what is not `let` is touched by the loop's own thread alone, which `run` never leaves;
    // nobody holds a reference into it while others run, so that checking for that is left out.
    private let poller: Poller
    /// Woken by an event of this turn; they go before those that have just had their turn.
    @exclusivity(unchecked) private var urgent = Deque<UnownedJob>()
    @exclusivity(unchecked) private var others = Deque<UnownedJob>()
    @exclusivity(unchecked) private var isDispatching = false
    /// Ends when there is nothing left to run.
    private var isStopping = false
    @exclusivity(unchecked) private var timers = TimerQueue()
    /// How many more operations the running job may make before it has to let others run.
    @exclusivity(unchecked) private(set) var budget = 0
    /// A task has let others run, and has not yet looked whether it is cancelled.
    @exclusivity(unchecked) private var hasYielded = false
    /// Sources that this thread deregistered: an event of theirs may still be in the turn's batch.
    @exclusivity(unchecked) private var graves: [Unmanaged<EventSource>] = []

    /// Reads that are ready never suspend: without a budget, two peers that flood starve a third.
    static let operationsPerTurn = 32

    // Safe: only the loop's own thread is given it.
    private let memory: UnsafeMutableRawBufferPointer

    private let mailbox = Lock(Mailbox())
    private let isAwake = Atomic<Bool>(false)
    private let thread = Atomic<UInt>(0)

    /// What other threads have put in.
    private struct Mailbox {
        var jobs: [UnownedJob] = []
        var errands: [@Sendable (EventLoop) -> Void] = []
        /// The sources that they deregistered.
        var graves: [Unmanaged<EventSource>] = []
        var isStopping = false
        var hasStopped = false
    }

    /// Makes a loop and starts its thread; without one, somebody else runs its turns.
    ///
    /// - Throws: `.system(.tooManyOpenFiles)`: a loop needs two descriptors; or there can be no
    ///   more threads.
    init(startingThread: Bool = true) throws(SocketError) {
        do throws(Errno) {
            poller = try Poller.make()
            // After what can fail: an initializer that throws runs no `deinit`.
            memory = .allocate(byteCount: 65536, alignment: 64)
            if startingThread { try System.startThread { self.run() } }
        } catch {
            throw SocketError(.startEventLoop, .system(error))
        }
    }

    /// A loop that could not be started: it takes no source, and its tasks run elsewhere.
    init(failing failure: Errno) {
        poller = .failing(failure)
        memory = .allocate(byteCount: 1, alignment: 1)
        mailbox.withLock { $0.hasStopped = true }
    }

    /// Why the loop could not be started.
    var failure: Errno? { poller.failure }

    /// Whether the caller runs on the loop's thread.
    @inline(__always)
    var isCurrent: Bool {
        thread.load(ordering: .relaxed) == System.currentThread
    }

    deinit { memory.deallocate() }

    /// Memory that whoever runs on the loop's thread may use until he suspends: what is received and
    /// passed on at once needs none of its own. Nil on other threads.
    @inline(__always)
    var scratch: UnsafeMutableRawBufferPointer? { isCurrent ? memory : nil }

    /// Counts an operation of the running job; false if it has made too many. On other threads than
    /// the loop's nothing is counted.
    @inline(__always)
    func spend() -> Bool {
        guard isCurrent else { return true }
        budget &-= 1
        return budget >= 0
    }

    /// Counts the first operation of a task that has let others run.
    func spendAfterYield() {
        _ = spend()
        if isCurrent { hasYielded = true }
    }

    /// Whether the task that runs may not have looked for a while whether it is cancelled: since it
    /// last let others run; on other threads than the loop's, always.
    @inline(__always)
    func takeYield() -> Bool {
        guard isCurrent else { return true }
        guard _slowPath(hasYielded) else { return false }
        hasYielded = false
        return true
    }

    /// Takes a job of Swift's concurrency; for the runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            if isDispatching { urgent.append(job) } else { others.append(job) }
            return
        }
        let isRunning = mailbox.withLock { mailbox in
            if !mailbox.hasStopped { mailbox.jobs.append(job) }
            return !mailbox.hasStopped
        }
        guard isRunning else {
            // A task that outlives its loop is still run, elsewhere: not here, in the middle of
            // whatever woke it.
            globalConcurrentExecutor.enqueue(ExecutorJob(job))
            return
        }
        ring()
    }

    /// Runs an errand on the loop's thread, at once if that is where the caller is.
    func perform(_ errand: @escaping @Sendable (EventLoop) -> Void) {
        if isCurrent { return errand(self) }
        let isRunning = mailbox.withLock { mailbox in
            // Kept for a loop that has ended, it would keep the loop.
            if !mailbox.hasStopped { mailbox.errands.append(errand) }
            return !mailbox.hasStopped
        }
        if isRunning { ring() }
    }

    /// Lets the loop end, once there is nothing left to run. Its sources have to be closed.
    func stop() {
        mailbox.withLock { $0.isStopping = true }
        ring()
    }

    /// Whether the thread has ended.
    var hasStopped: Bool { mailbox.withLock { $0.hasStopped } }

    /// Wakes the loop, unless somebody has done so already and it has not looked yet.
    private func ring() {
        if !isAwake.exchange(true, ordering: .sequentiallyConsistent) { poller.wake() }
    }

    // MARK: Sources

    /// Tells a source from now on what happens to its descriptor.
    func register(_ source: EventSource, toldOfRoom: Bool) throws(Errno) {
        let retained = Unmanaged.passRetained(source)
        do throws(Errno) {
            try poller.register(
                source.descriptor, token: UInt(bitPattern: retained.toOpaque()),
                toldOfRoom: toldOfRoom)
        } catch {
            retained.release()
            throw error
        }
    }

    /// Tells a registered source when there is room to write, or no longer.
    func change(_ source: EventSource, toldOfRoom: Bool) throws(Errno) {
        let token = UInt(bitPattern: Unmanaged.passUnretained(source).toOpaque())
        try poller.change(source.descriptor, token: token, toldOfRoom: toldOfRoom)
    }

    /// Tells a source nothing any more; it stays in memory until the loop cannot know of it.
    func deregister(_ source: EventSource) {
        poller.deregister(source.descriptor)
        let grave = Unmanaged.passUnretained(source)
        if isCurrent { return graves.append(grave) }
        let isRunning = mailbox.withLock { mailbox in
            if !mailbox.hasStopped { mailbox.graves.append(grave) }
            return !mailbox.hasStopped
        }
        // A loop that has ended tells no events any more, and buries nobody.
        if isRunning { ring() } else { bury(grave) }
    }

    /// Tells a target when an instant has come. On the loop's thread only.
    @discardableResult
    func schedule(
        _ target: any TimerTarget, _ direction: EventSource.Direction, at instant: Int64
    ) -> TimerQueue.Ticket {
        timers.insert(target, direction, at: instant)
    }

    // MARK: The loop

    private func run() {
        thread.store(System.currentThread, ordering: .relaxed)
        let executor = asUnownedTaskExecutor()
        while !wait(nanoseconds: beginTurn(on: executor)) {}
        buryAll()
        // The system gives the thread's identity to another one, which must not be taken for this.
        thread.store(0, ordering: .relaxed)
    }

    /// The first half of a turn: runs what is there to run. Returns how long the second half may
    /// wait; nil is for ever.
    @inline(__always)
    func beginTurn(on executor: UnownedTaskExecutor) -> Int64? {
        runJobs(on: executor)
        buryAll()
        let isBusy = !others.isEmpty || !urgent.isEmpty || isStopping
        if isBusy { return 0 }
        // By the clock and not by when the turn began: the jobs may have taken long.
        return timers.isEmpty ? nil : timers.wait(from: System.continuousNanoseconds())
    }

    /// The second half of a turn: waits for events and tells them; true when the loop is to end.
    @inline(__always)
    func wait(nanoseconds: Int64?) -> Bool {
        // Whoever puts something into the mailbox rings afterwards: without it, it is empty.
        var hasMail = isStopping
        isDispatching = true
        poller.wait(nanoseconds: nanoseconds) {
            isAwake.store(false, ordering: .sequentiallyConsistent)
            hasMail = true
        } changed: { token, readiness in
            // Safe: a registered source is retained, and a deregistered one is not released
            // before this batch of events is over.
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
        /// Whether the calling thread is the loop's for the moment; for who runs its turns.
        func setCurrent(_ isCurrent: Bool) {
            thread.store(isCurrent ? System.currentThread : 0, ordering: .relaxed)
        }

        /// How long it may sleep for the sake of its timers.
        var timeToFirstTimer: Int64? { timers.wait(from: System.continuousNanoseconds()) }
    #endif

    /// Runs the jobs that were there when the turn began: what they enqueue waits for the next.
    private func runJobs(on executor: UnownedTaskExecutor) {
        for _ in 0..<urgent.count {
            budget = Self.operationsPerTurn
            urgent.removeFirst().runSynchronously(on: executor)
        }
        for _ in 0..<others.count {
            budget = Self.operationsPerTurn
            others.removeFirst().runSynchronously(on: executor)
        }
    }

    /// Lets go of the sources that no event can be about any more: between two batches of events, and
    /// before a wait, which may be long.
    private func buryAll() {
        guard !graves.isEmpty else { return }
        // A source that goes may close others.
        let buried = graves
        graves.removeAll(keepingCapacity: true)
        for grave in buried { bury(grave) }
    }

    private func bury(_ grave: Unmanaged<EventSource>) {
        grave._withUnsafeGuaranteedRef { $0.buried() }
        grave.release()
    }

    /// Takes in what other threads brought; true when the loop is to end.
    private func emptyMailbox() -> Bool {
        var errands: [@Sendable (EventLoop) -> Void] = []
        let hasStopped = mailbox.withLock { mailbox in
            others.append(contentsOf: mailbox.jobs)
            mailbox.jobs.removeAll(keepingCapacity: true)
            swap(&mailbox.errands, &errands)
            graves += mailbox.graves
            mailbox.graves.removeAll(keepingCapacity: true)
            isStopping = mailbox.isStopping
            mailbox.hasStopped = isStopping && others.isEmpty && urgent.isEmpty
            return mailbox.hasStopped
        }
        for errand in errands { errand(self) }
        return hasStopped
    }
}
