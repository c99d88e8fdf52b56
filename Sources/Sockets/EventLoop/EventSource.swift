internal import Synchronization
internal import SystemPackage

/// One descriptor that is registered with one loop: who waits for what, and until when.
///
/// It may be used from any task and any thread, one task at a time for each direction.
final class EventSource: TimerTarget, @unchecked Sendable {
    // Safe: everything is atomic but the timers, which only the loop's thread touches.

    /// Reading, which includes accepting; and writing, which includes connecting.
    enum Direction {
        case reading, writing
    }

    /// What a direction remembers.
    struct DirectionState: ~Copyable {
        let word = ReadinessWord()
        /// A task is inside an operation.
        let isBusy = Atomic<Bool>(false)
        /// When the wait that is under way has to end, by the loop's clock; `Int64.max` is never.
        let deadline = Atomic<Int64>(.max)
    }

    let descriptor: Int32
    let loop: EventLoop
    // Safe: `loop` retains it. Where an operation passes, counting references would show.
    private let home: Unmanaged<EventLoop>
    let gate = DescriptorLifetime()
    let reading = DirectionState()
    let writing = DirectionState()
    /// The peer has ended or broken the connection: reads never stop being ready.
    private let isEnding = Atomic<Bool>(false)
    /// One task holds both directions, and waits for both in that of reading.
    let isJoined = Atomic<Bool>(false)
    /// The task whose cancellation a scope watches for all of its waits, as the bits of its pointer.
    private let owner = Atomic<UInt>(0)
    private let isOwnerCancelled = Atomic<Bool>(false)
    // Entries of the loop's timers, which refer back to the source until they fire.
    private var readingTimer: TimerQueue.Ticket?
    private var writingTimer: TimerQueue.Ticket?
    /// The loop does not know of it any more, and there shall be no timers.
    private var isBuried = false

    /// Takes over a descriptor that does not wait, and registers it.
    ///
    /// - Parameter toldOfRoom: the loop tells when there is room to write.
    /// - Throws: what epoll_ctl says; the descriptor is the caller's then.
    init(owning descriptor: Int32, on loop: EventLoop, toldOfRoom: Bool = true) throws(Errno) {
        self.descriptor = descriptor
        self.loop = loop
        home = .passUnretained(loop)
        try loop.register(self, toldOfRoom: toldOfRoom)
    }

    /// Memory of the loop's that may be used until the caller suspends; nil on other threads.
    @inline(__always)
    var scratch: UnsafeMutableRawBufferPointer? { home._withUnsafeGuaranteedRef { $0.scratch } }

    /// Counts an operation of the loop's running job; false if it has made too many.
    @inline(__always)
    func spend() -> Bool { home._withUnsafeGuaranteedRef { $0.spend() } }

    /// See `EventLoop.takeYield`.
    @inline(__always)
    func takeYield() -> Bool { home._withUnsafeGuaranteedRef { $0.takeYield() } }

    // MARK: What the loop tells

    @inline(__always)
    func changed(_ readiness: Readiness) {
        if readiness.contains(.ending) { isEnding.store(true, ordering: .relaxed) }
        if !readiness.isDisjoint(with: [.readable, .ending]) { reading.word.wake() }
        if !readiness.isDisjoint(with: [.writable, .ending]) {
            writing.word.wake()
            if _slowPath(isJoined.load(ordering: .relaxed)) { reading.word.wake() }
        }
    }

    /// A timer fired. If the deadline has moved meanwhile, returns the instant for the next one.
    func timerFired(_ direction: Direction, _ now: Int64) -> Int64? {
        let deadline = lane(direction) { $0.deadline.load(ordering: .acquiring) }
        if deadline > now, deadline != .max { return deadline }
        setTimer(direction, nil)
        if deadline <= now { lane(direction) { $0.word.wake() } }
        return nil
    }

    /// The loop lets go: a source that has been closed does not stay in memory for its deadline.
    func buried() {
        isBuried = true
        for timer in [readingTimer, writingTimer] { timer?.cancel() }
    }

    // MARK: Closing

    /// Closes the descriptor, at once or when the last operation has left, and wakes who waits.
    ///
    /// - Parameter isConnection: the peer shall learn of it though an operation has not left yet.
    ///   Of a socket that listens, shutting down would also end the duplicates that other processes
    ///   have.
    func close(isConnection: Bool = true) {
        let closing = gate.close(orRelease: release)
        guard closing != .alreadyClosed else { return }
        if closing == .waking, isConnection { try? System.shutdown(descriptor, .both) }
        ReadinessWord.publish()
        reading.word.wake()
        writing.word.wake()
        leave()
    }

    @inline(__always)
    func enter() -> Bool {
        gate.enter { release() }
    }

    @inline(__always)
    func leave() {
        gate.leave { release() }
    }

    private func release() {
        loop.deregister(self)
        System.close(descriptor)
    }

    // MARK: Waiting

    /// Whether reads stay ready though one was short: the end has to be read as well.
    @inline(__always)
    var staysReadable: Bool { isEnding.load(ordering: .relaxed) }

    /// Waits until the direction may be ready, the deadline has passed or the source is closed,
    /// and the caller finds out which; false if the task is cancelled.
    @inline(__always)
    func wait(_ direction: Direction, until deadline: Int64) async -> Bool {
        if deadline != .max { arm(direction, deadline) }
        let isCancelled: Bool
        let owner = owner.load(ordering: .relaxed)
        if owner != 0, owner == CurrentTask.identity {
            if !isOwnerCancelled.load(ordering: .acquiring) { await park(direction) }
            isCancelled = isOwnerCancelled.load(ordering: .acquiring)
        } else {
            await parkCancellably(direction)
            isCancelled = Task.isCancelled
        }
        if deadline != .max { disarm(direction) }
        return !isCancelled
    }

    @inline(__always)
    private func park(_ direction: Direction) async {
        switch direction {
        case .reading: await reading.word.park()
        case .writing: await writing.word.park()
        }
    }

    @inline(never)
    private func parkCancellably(_ direction: Direction) async {
        await withTaskCancellationHandler {
            await park(direction)
        } onCancel: {
            lane(direction) { $0.word.wake() }
        }
    }

    private func arm(_ direction: Direction, _ deadline: Int64) {
        lane(direction) { $0.deadline.store(deadline, ordering: .releasing) }
        if loop.isCurrent {
            schedule(direction, deadline, loop)
        } else {
            loop.perform { self.schedule(direction, deadline, $0) }
        }
    }

    private func disarm(_ direction: Direction) {
        lane(direction) { $0.deadline.store(.max, ordering: .relaxed) }
    }

    /// A timer that is earlier than the deadline will do: it is put back when it fires.
    private func schedule(_ direction: Direction, _ deadline: Int64, _ loop: EventLoop) {
        if let timer = timer(direction) {
            guard timer.instant > deadline else { return }
            timer.cancel()
        }
        // Another thread's errand may come after the end.
        guard !isBuried else { return }
        setTimer(direction, loop.schedule(self, direction, at: deadline))
    }

    private func timer(_ direction: Direction) -> TimerQueue.Ticket? {
        direction == .reading ? readingTimer : writingTimer
    }

    private func setTimer(_ direction: Direction, _ timer: TimerQueue.Ticket?) {
        if direction == .reading { readingTimer = timer } else { writingTimer = timer }
    }

    @inline(__always)
    func lane<Result>(_ direction: Direction, _ body: (borrowing DirectionState) -> Result)
        -> Result
    {
        switch direction {
        case .reading: body(reading)
        case .writing: body(writing)
        }
    }

    // MARK: Cancellation

    /// Watches the current task's cancellation once for all of its waits in `body`: a handler for
    /// each of them would cost more than all the rest of a wait.
    ///
    /// - Parameter closing: the cancellation also closes the source.
    func withCancellationScope<Result>(
        closing: Bool = false, _ body: () async throws -> Result
    ) async rethrows -> Result {
        owner.store(CurrentTask.identity, ordering: .relaxed)
        defer {
            owner.store(0, ordering: .relaxed)
            isOwnerCancelled.store(false, ordering: .relaxed)
        }
        return try await withTaskCancellationHandler {
            try await body()
        } onCancel: {
            isOwnerCancelled.store(true, ordering: .releasing)
            ReadinessWord.publish()
            reading.word.wake()
            writing.word.wake()
            if closing { close() }
        }
    }
}

/// The task that runs.
enum CurrentTask {
    /// The bits of its pointer, to compare tasks by; 0 outside of tasks.
    @inline(never)
    static var identity: UInt {
        // Safe: an `UnsafeCurrentTask?` is one pointer or nil, which is only compared. Looking into the
        // optional first would copy and count the reference, for every wait.
        withUnsafeCurrentTask { unsafeBitCast($0, to: UInt.self) }
    }
}
