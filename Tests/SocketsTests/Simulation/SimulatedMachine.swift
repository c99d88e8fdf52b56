import SystemPackage

@testable import Sockets

/// Runs event loops and tasks on one thread, on a kernel in memory.
///
/// The seed decides which job and which loop run next and when time passes, so every failure can be
/// reproduced. Time passes when there is nothing else to do. With some seeds it also passes
/// earlier, like on a slow machine, or during calls. The loops are those of the library without
/// threads.
final class SimulatedMachine: @unchecked Sendable {
    // Safe: one thread runs everything.

    private enum Phase {
        case working
        /// In epoll_wait, until this time at the latest.
        case waiting(until: Int64?)
        case ended
    }

    let kernel: InMemoryKernel
    let loops: [EventLoop]
    let group: LoopGroup
    /// Runs the tasks that do not belong to a loop.
    let globalExecutor = SimulatedExecutor()
    private let epolls: [Int32]
    private var phases: [Phase]
    private let isSlow: Bool
    /// Whether every delay comes only from the rounding of waits.
    var isPunctual: Bool { !isSlow && !kernel.callsTakeTime }
    /// The number of tasks of the scenario that have not ended.
    var unfinished = 0
    /// Expectations that are checked whenever the machine is idle: no operation may wait although
    /// it could proceed.
    private var expectations: [() -> Expectation] = []

    /// The state of an operation.
    enum Expectation: Equatable {
        case over, waiting
        /// It waits although it could proceed.
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

    /// Returns a random executor.
    func anyExecutor() -> any TaskExecutor {
        let number = kernel.draw(loops.count + 1)
        return number < loops.count ? loops[number] : globalExecutor
    }

    /// Starts a task of the scenario on a random executor.
    @discardableResult
    func start(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        unfinished += 1
        return Task(executorPreference: anyExecutor()) {
            await body()
            self.unfinished -= 1
        }
    }

    /// Adds an expectation to check whenever the machine is idle.
    func expect(_ expectation: @escaping () -> Expectation) { expectations.append(expectation) }

    /// Waits in simulated time.
    func sleep(_ nanoseconds: Int64) async {
        await Wakeup().wait(
            until: kernel.nanoseconds + nanoseconds, on: loops[kernel.draw(loops.count)])
    }

    // MARK: Running

    /// Runs until all tasks have ended and the machine is idle.
    func run() {
        for _ in 0..<400_000 {
            if step() { continue }
            expectations.removeAll { expectation in
                let state = expectation()
                if case .missed(let what) = state {
                    preconditionFailure("a lost wakeup: an operation waits despite \(what)")
                }
                return state == .over
            }
            if let instant = nextInstant {
                kernel.advance(to: instant)
            } else {
                precondition(unfinished == 0, "\(unfinished) tasks wait forever")
                return
            }
        }
        preconditionFailure("the simulation does not end")
    }

    /// Ends the loops.
    func end() {
        for loop in loops { loop.stop() }
        run()
        for phase in phases {
            guard case .ended = phase else { preconditionFailure("a loop has not ended") }
        }
    }

    /// Performs a random step and returns true, or returns false if the machine is idle.
    private func step() -> Bool {
        var choices: [Int] = []
        for index in loops.indices where isRunnable(index) { choices.append(index) }
        if !globalExecutor.isEmpty { choices.append(-1) }
        guard !choices.isEmpty else { return false }
        if isSlow, kernel.draw(20) == 0, let instant = nextInstant { kernel.advance(to: instant) }
        // A signal causes a spurious wakeup.
        if kernel.draw(40) == 0 {
            let index = kernel.draw(loops.count)
            if case .waiting = phases[index] { turn(index) }
            return true
        }
        let choice = choices[kernel.draw(choices.count)]
        if choice < 0 {
            globalExecutor.runOne(kernel.draw(globalExecutor.count))
        } else {
            turn(choice)
        }
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
            // Like the real wait: milliseconds, rounded up.
            let wait = limit.map { ($0 + 999_999) / 1_000_000 * 1_000_000 }
            phases[index] = .waiting(until: wait.map { kernel.nanoseconds + $0 })
        case .waiting:
            guard loop.wait(nanoseconds: 0) else {
                phases[index] = .working
                return
            }
            // The thread would now release the sources that were closed last.
            _ = loop.beginTurn(on: loop.asUnownedTaskExecutor())
            phases[index] = .ended
        case .ended:
            break
        }
    }

    /// The time of the next arrival or timer, or nil.
    private var nextInstant: Int64? {
        var instants = phases.compactMap { phase -> Int64? in
            if case .waiting(let end) = phase { end } else { nil }
        }
        if let arrival = kernel.nextArrival { instants.append(arrival) }
        return instants.min()
    }
}

/// An executor that keeps its jobs until `runOne` runs one of them.
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
