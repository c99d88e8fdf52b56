internal import Synchronization
internal import SystemPackage

/// A group of event loops that share connections between them.
///
/// A loop is one thread that waits for many sockets and runs the tasks that use them. Everything
/// uses ``shared`` unless you pass a group of your own:
///
/// ```swift
/// let group = try LoopGroup(loops: 2)
/// defer { group.shutdown() }
/// let connection = try await Connection(to: .tcp("localhost", port: "echo"), group: group)
/// ```
///
/// A connection works from any task. It is fastest from a task that runs on its loop, because then a
/// wait does not switch threads. ``Listener/serve(options:_:)`` runs handlers there; for other tasks
/// see ``executors``.
///
/// A task on a loop must not block its thread or compute for long, because every connection of the
/// loop would wait. A `@concurrent` function does not leave the loop, because the task prefers the
/// loop as its executor. Move such work to Swift's thread pool:
///
/// ```swift
/// let digest = await withTaskExecutorPreference(globalConcurrentExecutor) { hash(of: bytes) }
/// ```
public final class LoopGroup: Sendable {
    /// The group of the process, with one loop for each processor core.
    ///
    /// The loops start when they are first used, and they never shut down. If they cannot start,
    /// because there are no descriptors or no threads left, the operation that needs them throws that
    /// error. The next use tries again.
    public static var shared: LoopGroup { startedProcessGroup() }

    /// The loops of the group.
    let loops: [EventLoop]

    /// The executors of the loops, one for each loop.
    ///
    /// A task that prefers an executor runs on the thread of that loop:
    ///
    /// ```swift
    /// Task(executorPreference: group.executors[0]) { try await connection.echo() }
    /// ```
    public var executors: [any TaskExecutor] { loops }

    private let isShared: Bool
    private let nextIndex = Atomic<Int>(0)

    /// Starts a group with `count` loops, at least one.
    ///
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/system(_:)`` if there are no
    ///   descriptors or no threads left. A loop needs two descriptors.
    public convenience init(loops count: Int) throws(SocketError) {
        try self.init(count, isShared: false)
    }

    private init(_ count: Int, isShared: Bool) throws(SocketError) {
        var loops: [EventLoop] = []
        do throws(SocketError) {
            for _ in 0..<max(1, count) { loops.append(try EventLoop()) }
        } catch {
            // Otherwise the loops that did start would run for ever, with two descriptors each.
            for loop in loops { loop.stop() }
            throw error
        }
        self.loops = loops
        self.isShared = isShared
    }

    /// Creates a group of existing loops.
    init(of loops: [EventLoop]) {
        self.loops = loops
        isShared = false
    }

    /// Creates a group of one loop that failed to start.
    init(failing failure: Errno) {
        loops = [EventLoop(failing: failure)]
        isShared = true
    }

    deinit { shutdown() }

    /// Ends the threads of the loops when the tasks on them have ended.
    ///
    /// Close the connections of the group first. Further calls do nothing, and neither does a call
    /// on ``shared``.
    public func shutdown() {
        guard !isShared else { return }
        for loop in loops { loop.stop() }
    }

    /// Returns the current loop if it belongs to this group, so that related connections stay
    /// together; otherwise the next loop in round-robin order.
    func next() -> EventLoop {
        loops.first(where: \.isCurrent) ?? nextRoundRobin()
    }

    /// Returns the next loop in round-robin order.
    func nextRoundRobin() -> EventLoop {
        let index = nextIndex.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: index) % UInt(loops.count))]
    }

    private static let processGroup = Lock<LoopGroup?>(nil)

    private static func startedProcessGroup() -> LoopGroup {
        processGroup.withLock { group in
            if let group { return group }
            do throws(SocketError) {
                let started = try LoopGroup(System.processorCount, isShared: true)
                group = started
                return started
            } catch {
                return LoopGroup(failing: error.errno ?? .noMemory)
            }
        }
    }
}
