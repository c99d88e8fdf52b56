internal import Synchronization
internal import SystemPackage

/// A descriptor that is registered with a loop, and the tasks that wait for it.
///
/// Any task and any thread may use it, one task at a time for each direction.
final class EventSource: TimerTarget, @unchecked Sendable {
    // Safe because all mutable state is atomic except the timers and `isDeregistered`, which only
    // the loop's thread uses.

    /// A direction of the descriptor.
    ///
    /// Accepting uses the reading direction, and connecting uses the writing direction.
    enum Direction {
        case reading, writing
    }

    /// The state of one direction.
    struct DirectionState: ~Copyable {
        let word = ReadinessWord()
        /// The end of the current wait on the continuous clock, or `Int64.max` for none.
        let deadline = Atomic<Int64>(.max)
    }

    let descriptor: Int32
    let loop: EventLoop
    // Safe because `loop` retains the object. This reference is unmanaged, because counting
    // references in every operation would have a measurable cost.
    private let unmanagedLoop: Unmanaged<EventLoop>
    let lifetime = DescriptorLifetime()
    let reading = DirectionState()
    let writing = DirectionState()
    /// A Boolean value that indicates whether a task is inside a reading operation.
    let isReading = Atomic<Bool>(false)
    /// A Boolean value that indicates whether another descriptor may refer to the same socket, so
    /// this source must not shut the socket down or change its blocking mode.
    let isShared: Atomic<Bool>
    /// The blocking mode that `releaseDescriptor` restores.
    let modeAfterRelease: OwnedSocket.Mode
    /// The queue of the tasks that wait to write.
    let writers = TurnQueue()
    /// The queue of the tasks that wait for their turn to use `rareWakeups.operationEnd`.
    let finishers = TurnQueue()
    /// The wakeups of waits that few connections need.
    let rareWakeups = LazyReference<RareWakeups>()
    let linger: LingerState
    /// A Boolean value that indicates whether the peer has half-closed or broken the connection, so
    /// reads stay ready.
    private let peerHasEnded = Atomic<Bool>(false)
    /// A Boolean value that indicates whether one task has claimed both directions.
    ///
    /// Such a task waits in the reading direction. Its wait also ends when the descriptor becomes
    /// writable.
    let waitsForBoth = Atomic<Bool>(false)
    /// The task for which `withCancellationScope` has installed a handler, as its
    /// ``CurrentTask/identity``, or 0 for none.
    private let owner = Atomic<UInt>(0)
    private let isOwnerCancelled = Atomic<Bool>(false)
    // The loop's timers, which retain the source until they fire or are cancelled.
    private var readingTimer: TimerQueue.Timer?
    private var writingTimer: TimerQueue.Timer?
    /// A Boolean value that indicates whether the loop has released the source, so no timers may be
    /// added.
    private var isDeregistered = false

    /// Takes ownership of a nonblocking descriptor and registers it.
    ///
    /// The loop notifies the source when the descriptor becomes writable only if `reportsWritable`
    /// is true. The ``OwnedSocket`` of the descriptor is not passed as a whole, because it would
    /// then be destroyed here with its addresses. That would cost 110 instructions for each
    /// connection.
    ///
    /// - Throws: The error of epoll_ctl(2). The descriptor is then closed.
    init(
        owning descriptor: consuming OwnedDescriptor, with traits: OwnedSocket.Traits,
        on loop: EventLoop, reportsWritable: Bool = true
    ) throws(Errno) {
        linger = LingerState(maySet: traits.mayLinger)
        isShared = Atomic(traits.isShared)
        modeAfterRelease = traits.adoptedMode ?? .blocking
        self.descriptor = descriptor.number
        self.loop = loop
        unmanagedLoop = .passUnretained(loop)
        try loop.register(self, reportsWritable: reportsWritable)
        _ = descriptor.take()
    }

    /// Creates a source that has no descriptor of its own.
    ///
    /// The source waits for the descriptors that it watches.
    init(watchingOn loop: EventLoop) {
        linger = LingerState(maySet: false)
        isShared = Atomic(false)
        modeAfterRelease = .nonblocking
        descriptor = Self.none
        self.loop = loop
        unmanagedLoop = .passUnretained(loop)
        loop.retain(self)
    }

    private static let none: Int32 = -1

    /// A Boolean value that indicates whether the source has a descriptor of its own.
    var ownsDescriptor: Bool { descriptor != Self.none }

    /// Starts to handle the events of a descriptor that the source does not own.
    func watch(_ descriptor: Int32) throws(Errno) {
        try loop.watch(descriptor, for: self)
    }

    /// Stops handling the events of a watched descriptor.
    ///
    /// Call this method before the descriptor or the source is closed.
    func unwatch(_ descriptor: Int32) {
        loop.unwatch(descriptor)
    }

    /// The loop's buffer; see ``EventLoop/scratch``.
    @inline(__always)
    var scratch: UnsafeMutableRawBufferPointer? {
        unmanagedLoop._withUnsafeGuaranteedRef { $0.scratch }
    }

    /// The loop's buffer for encrypted bytes; see ``EventLoop/encryptedScratch``.
    var encryptedScratch: UnsafeMutableRawBufferPointer? {
        unmanagedLoop._withUnsafeGuaranteedRef { $0.encryptedScratch }
    }

    /// Counts one operation; see ``EventLoop/consumeOperation()``.
    @inline(__always)
    func consumeOperation() -> Bool {
        unmanagedLoop._withUnsafeGuaranteedRef { $0.consumeOperation() }
    }

    /// Returns whether to check for cancellation; see ``EventLoop/consumeCancellationCheck()``.
    @inline(__always)
    func consumeCancellationCheck() -> Bool {
        unmanagedLoop._withUnsafeGuaranteedRef { $0.consumeCancellationCheck() }
    }

    // MARK: Events

    /// Handles an event of the descriptor.
    @inline(__always)
    func changed(_ readiness: Readiness) {
        if readiness.contains(.ending) {
            peerHasEnded.store(true, ordering: .relaxed)
            if _slowPath(rareWakeups.isCreated) { reportHangup() }
        }
        if !readiness.isDisjoint(with: [.readable, .ending]) { reading.word.wake() }
        if !readiness.isDisjoint(with: [.writable, .ending]) {
            writing.word.wake()
            if _slowPath(waitsForBoth.load(ordering: .relaxed)) { reading.word.wake() }
        }
    }

    /// Handles a timer that fired.
    ///
    /// If the deadline was postponed, returns the new deadline, at which the timer fires again.
    func timerFired(_ direction: Direction, _ now: Int64) -> Int64? {
        let deadline = withState(direction) { $0.deadline.load(ordering: .acquiring) }
        if deadline > now, deadline != .max { return deadline }
        setTimer(direction, nil)
        if deadline <= now { withState(direction) { $0.word.wake() } }
        return nil
    }

    /// Cancels the timers when the loop releases the source, so a closed source does not stay in
    /// memory until its deadline.
    func didDeregister() {
        isDeregistered = true
        for timer in [readingTimer, writingTimer] { timer?.cancel() }
    }

    // MARK: Closing

    /// Closes the descriptor when the last operation has ended, and wakes the waiting tasks.
    ///
    /// - Parameter isConnection: Whether the socket is a connection. If an operation has not ended
    ///   yet, a connection is shut down, or reset if `SO_LINGER` is zero, so that the peer detects
    ///   the close at once. A shared socket is not shut down, because that would stop its other
    ///   users too. Nor is a listening socket, because other processes may share it.
    func close(isConnection: Bool = true) {
        let closing = lifetime.close(orRelease: release)
        guard closing != .alreadyClosed else { return }
        if closing == .inUse, isConnection, !isShared.load(ordering: .relaxed) {
            linger.hangUp(descriptor)
        }
        wake()
        writers.wakeAll()
        finishers.wakeAll()
        if _slowPath(rareWakeups.isCreated) { reportHangup() }
        leave()
    }

    @inline(__always)
    func enter() -> Bool { lifetime.enter { release() } }

    @inline(__always)
    func leave() { lifetime.leave(orRelease: { release() }, notify: { wakeFinisher() }) }

    private func release() {
        loop.deregister(self)
        if ownsDescriptor { linger.close(descriptor) }
    }

    // MARK: Waiting

    /// A Boolean value that indicates whether the reading direction must stay ready after a short
    /// read.
    ///
    /// This is true after the peer has half-closed or broken the connection, because no further
    /// event will be reported.
    @inline(__always)
    var staysReadable: Bool { peerHasEnded.load(ordering: .relaxed) }

    /// Waits until the direction may be ready, the deadline has passed, the source is closed or the
    /// task is cancelled.
    ///
    /// Returns `false` if the task is cancelled. Otherwise the caller must check which of the other
    /// conditions is true.
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
            withState(direction) { $0.word.wake() }
        }
    }

    private func arm(_ direction: Direction, _ deadline: Int64) {
        withState(direction) { $0.deadline.store(deadline, ordering: .releasing) }
        if loop.isCurrent {
            schedule(direction, deadline, loop)
        } else {
            loop.perform { self.schedule(direction, deadline, $0) }
        }
    }

    private func disarm(_ direction: Direction) {
        withState(direction) { $0.deadline.store(.max, ordering: .relaxed) }
    }

    /// Ensures that a timer fires at the deadline or earlier.
    ///
    /// An earlier timer suffices, because when it fires, it is put back into the queue with the
    /// current deadline.
    private func schedule(_ direction: Direction, _ deadline: Int64, _ loop: EventLoop) {
        if let timer = timer(direction) {
            guard timer.instant > deadline else { return }
            timer.cancel()
        }
        // A closure from another thread may run after deregistration, so add no timer then.
        guard !isDeregistered else { return }
        setTimer(direction, loop.schedule(self, direction, at: deadline))
    }

    private func timer(_ direction: Direction) -> TimerQueue.Timer? {
        direction == .reading ? readingTimer : writingTimer
    }

    private func setTimer(_ direction: Direction, _ timer: TimerQueue.Timer?) {
        if direction == .reading { readingTimer = timer } else { writingTimer = timer }
    }

    @inline(__always)
    func withState<Result>(_ direction: Direction, _ body: (borrowing DirectionState) -> Result)
        -> Result
    {
        switch direction {
        case .reading: body(reading)
        case .writing: body(writing)
        }
    }

    // MARK: Cancellation

    /// Returns whether `withCancellationScope` has installed a handler for the task.
    func hasOwner(_ task: UInt) -> Bool { task != 0 && owner.load(ordering: .relaxed) == task }

    /// Installs one cancellation handler for all waits of the current task in `body`.
    ///
    /// A handler for each wait would cost more than the rest of the wait (240 ns). If `closing` is
    /// true, a cancellation also closes the source; see ``close(isConnection:)`` for
    /// `isConnection`.
    func withCancellationScope<Result>(
        closing: Bool = false, isConnection: Bool = true, _ body: () async throws -> Result
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
            if closing { close(isConnection: isConnection) }
        }
    }
}

/// The wakeups of waits that few sources need.
///
/// They are one object, so that every source has only one field for them.
final class RareWakeups: Sendable {
    /// Wakes the task that waits until another task has stopped reading.
    let operationEnd = Wakeup()
    /// The objects to wake when the connection may have hung up.
    let hangupObservers = Lock<[any HangupObserver]>([])
}

/// The running task.
enum CurrentTask {
    /// The bits of the task's pointer, for comparing tasks, or 0 outside of a task.
    @inline(never)
    static var identity: UInt {
        // Safe because an `UnsafeCurrentTask?` is one pointer or nil, and the bits are only
        // compared. Unwrapping the optional would retain and release the task in every wait.
        withUnsafeCurrentTask { unsafeBitCast($0, to: UInt.self) }
    }
}
