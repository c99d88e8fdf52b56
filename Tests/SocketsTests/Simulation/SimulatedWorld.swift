import SystemPackage

@testable import Sockets

/// Runs loops and tasks on one thread, on a kernel in memory. Which job runs next, which loop has its
/// turn and when time goes on is drawn from the seed: so a run that goes wrong goes wrong again.
///
/// Time goes on when there is nothing else to do (and in some worlds also before, as on a machine that
/// is too slow, or during calls). The loops are the library's own; only their threads are missing.
final class SimulatedWorld: @unchecked Sendable {
    // Safe: one thread runs everything.

    private enum Phase {
        case working
        /// Inside epoll_wait, until this instant at the latest.
        case waiting(until: Int64?)
        case ended
    }

    let kernel: InMemoryKernel
    let loops: [EventLoop]
    let group: LoopGroup
    /// Where tasks run that do not belong to a loop.
    let elsewhere = SimulatedExecutor()
    private let epolls: [Int32]
    private var phases: [Phase]
    private let isSlow: Bool
    /// Nothing is late but by the waits' own rounding.
    var isPunctual: Bool { !isSlow && !kernel.callsTakeTime }
    /// How many tasks of the scenario have not ended.
    var unfinished = 0
    /// Looked at whenever there is nothing to do: nobody may be waiting for what is there.
    private var expectations: [() -> Expectation] = []

    /// Where an operation stands.
    enum Expectation: Equatable {
        case over, waiting
        /// It waits for what is there.
        case missed(String)
    }

    init(on kernel: InMemoryKernel) throws {
        self.kernel = kernel
        isSlow = kernel.draw(3) == 0
        kernel.callsTakeTime = kernel.draw(3) == 0
        var loops: [EventLoop] = []
        var epolls: [Int32] = []
        for _ in 0...kernel.draw(2) {
            let before = Set(kernel.openDescriptors)
            loops.append(try EventLoop(startingThread: false))
            epolls.append(kernel.openDescriptors.first { !before.contains($0) } ?? -1)
        }
        self.loops = loops
        group = LoopGroup(of: loops)
        self.epolls = epolls
        phases = loops.map { _ in .working }
    }

    /// One of the places where tasks run.
    func anyExecutor() -> any TaskExecutor {
        let number = kernel.draw(loops.count + 1)
        return number < loops.count ? loops[number] : elsewhere
    }

    /// Starts a task of the scenario, somewhere.
    @discardableResult
    func start(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        unfinished += 1
        return Task(executorPreference: anyExecutor()) {
            await body()
            self.unfinished -= 1
        }
    }

    /// From now on, whenever there is nothing left to do, somebody must not be waiting in vain.
    func expect(_ expectation: @escaping () -> Expectation) { expectations.append(expectation) }

    /// Waits in the time of this world.
    func sleep(_ nanoseconds: Int64) async {
        await Wakeup().wait(
            until: kernel.nanoseconds + nanoseconds, on: loops[kernel.draw(loops.count)])
    }

    // MARK: Running

    /// Runs until all tasks have ended and nothing is left to do.
    func run() {
        for _ in 0..<400_000 {
            if step() { continue }
            expectations.removeAll { expectation in
                let state = expectation()
                if case .missed(let what) = state {
                    preconditionFailure("a lost wake-up: somebody waits in spite of \(what)")
                }
                return state == .over
            }
            if let instant = nextInstant {
                kernel.advance(to: instant)
            } else {
                precondition(unfinished == 0, "\(unfinished) tasks wait for ever")
                return
            }
        }
        preconditionFailure("it does not come to an end")
    }

    /// Ends the loops.
    func end() {
        for loop in loops { loop.stop() }
        run()
        for phase in phases {
            guard case .ended = phase else { preconditionFailure("a loop has not ended") }
        }
    }

    /// Does one of the things that can be done; false if there is nothing.
    private func step() -> Bool {
        var choices: [Int] = []
        for index in loops.indices where isRunnable(index) { choices.append(index) }
        if !elsewhere.isEmpty { choices.append(-1) }
        guard !choices.isEmpty else { return false }
        if isSlow, kernel.draw(20) == 0, let instant = nextInstant { kernel.advance(to: instant) }
        // A signal ends a wait for nothing.
        if kernel.draw(40) == 0 {
            let index = kernel.draw(loops.count)
            if case .waiting = phases[index] { turn(index) }
            return true
        }
        let choice = choices[kernel.draw(choices.count)]
        if choice < 0 { elsewhere.runOne(kernel.draw(elsewhere.count)) } else { turn(choice) }
        return true
    }

    private func isRunnable(_ index: Int) -> Bool {
        switch phases[index] {
        case .working: true
        case .waiting(let end):
            kernel.hasEvents(epolls[index]) || end.map { $0 <= kernel.nanoseconds } ?? false
        case .ended: false
        }
    }

    private func turn(_ index: Int) {
        let loop = loops[index]
        kernel.note(7, index)
        loop.setCurrent(true)
        defer { loop.setCurrent(false) }
        switch phases[index] {
        case .working:
            let limit = loop.beginTurn(on: loop.asUnownedTaskExecutor())
            precondition(
                (limit ?? .max) <= (loop.timeToFirstTimer ?? .max), "a loop sleeps too long")
            // As the real wait does: milliseconds, rounded up.
            let wait = limit.map { ($0 + 999_999) / 1_000_000 * 1_000_000 }
            phases[index] = .waiting(until: wait.map { kernel.nanoseconds + $0 })
        case .waiting:
            guard loop.wait(nanoseconds: 0) else {
                phases[index] = .working
                return
            }
            // The thread would let go of what was closed last.
            _ = loop.beginTurn(on: loop.asUnownedTaskExecutor())
            phases[index] = .ended
        case .ended:
            break
        }
    }

    /// When something will happen by itself.
    private var nextInstant: Int64? {
        var instants = phases.compactMap { phase -> Int64? in
            if case .waiting(let end) = phase { end } else { nil }
        }
        if let arrival = kernel.nextArrival { instants.append(arrival) }
        return instants.min()
    }
}

/// Where jobs wait until somebody runs one of them.
final class SimulatedExecutor: TaskExecutor, @unchecked Sendable {
    // Safe: one thread runs everything.
    private var jobs: [UnownedJob] = []

    var isEmpty: Bool { jobs.isEmpty }
    var count: Int { jobs.count }

    func enqueue(_ job: consuming ExecutorJob) { jobs.append(UnownedJob(job)) }

    func runOne(_ index: Int) {
        jobs.remove(at: index).runSynchronously(on: asUnownedTaskExecutor())
    }
}
