internal import Synchronization
internal import SystemPackage

/// A group of event loops among which connections are distributed.
///
/// A loop is one thread that waits for many sockets and runs the tasks that use them. All types use
/// ``shared`` unless you pass your own group:
///
/// ```swift
/// let group = try LoopGroup(loops: 2)
/// defer { group.shutdown() }
/// let connection = try await Connection(to: .tcp("localhost", port: "echo"), group: group)
/// ```
///
/// A connection works from any task. It is fastest from a task that runs on the connection's loop,
/// because a wait then does not switch threads. ``Listener/serve(options:_:)`` runs handlers on
/// that loop. For other tasks, see ``executors``.
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
    /// The loops start when they are first used, and they never shut down. If they cannot start
    /// because no descriptors or threads are left, the operation that needs them throws the error.
    /// The next use tries again.
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
    /// - Throws: ``SocketError`` with the cause ``SocketError/Cause/system(_:)`` if no descriptors
    ///   or threads are left. A loop needs two descriptors.
    public convenience init(loops count: Int) throws(SocketError) {
        try self.init(count, isShared: false)
    }

    private init(_ count: Int, isShared: Bool) throws(SocketError) {
        var loops: [EventLoop] = []
        do throws(SocketError) {
            for _ in 0..<max(1, count) { loops.append(try EventLoop()) }
        } catch {
            // Stop the loops that did start, because otherwise they would run forever and use two
            // descriptors each.
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
    /// Close the connections of the group first. Further calls do nothing, and calls on ``shared``
    /// do nothing.
    public func shutdown() {
        guard !isShared else { return }
        for loop in loops { loop.stop() }
    }

    /// Returns the current loop if it belongs to this group, or otherwise the next loop in
    /// round-robin order.
    ///
    /// Using the current loop keeps related connections together.
    func next() -> EventLoop { loops.first(where: \.isCurrent) ?? nextRoundRobin() }

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
