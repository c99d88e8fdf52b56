internal import Synchronization
internal import SystemPackage

/// Event loops that share the connections between them.
///
/// `LoopGroup.shared`, with a loop for each core, is what everything uses unless told
/// otherwise; it starts with its first use. A group of one's own is shut down by its owner.
public final class LoopGroup: Sendable {
    /// The loops of the process: one for each core, started when first used, and never shut down.
    ///
    /// While they cannot be started, because there are no descriptors or no threads left, whoever
    /// wants to use them gets that error; the next use tries again.
    public static var shared: LoopGroup { forProcess() }

    /// The loops of the group.
    public let loops: [EventLoop]

    private let isShared: Bool
    private let turn = Atomic<Int>(0)

    /// Starts so many loops, at least one.
    ///
    /// - Throws: `.system`: there are no descriptors left, or no threads.
    public convenience init(loops count: Int) throws(SocketError) {
        try self.init(count, isShared: false)
    }

    private init(_ count: Int, isShared: Bool) throws(SocketError) {
        var loops: [EventLoop] = []
        do throws(SocketError) {
            for _ in 0..<max(1, count) { loops.append(try EventLoop()) }
        } catch {
            // Those that run would run for ever, with two descriptors each.
            for loop in loops { loop.stop() }
            throw error
        }
        self.loops = loops
        self.isShared = isShared
    }

    /// A group of loops that there are.
    init(of loops: [EventLoop]) {
        self.loops = loops
        isShared = false
    }

    /// A group of one loop that could not be started.
    init(failing failure: Errno) {
        loops = [EventLoop(failing: failure)]
        isShared = true
    }

    deinit { shutdown() }

    /// Lets the threads end, once what they run has ended; connections on the loops have to be
    /// closed first. Can be repeated. The shared group refuses.
    public func shutdown() {
        guard !isShared else { return }
        for loop in loops { loop.stop() }
    }

    /// The loop whose turn it is, or the current one if it is of this group: what belongs together
    /// stays together.
    func next() -> EventLoop {
        loops.first(where: \.isCurrent) ?? nextInTurn()
    }

    /// The loop whose turn it is, wherever the caller runs.
    func nextInTurn() -> EventLoop {
        let number = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: number) % UInt(loops.count))]
    }

    private static let ofProcess = Lock<LoopGroup?>(nil)

    private static func forProcess() -> LoopGroup {
        ofProcess.withLock { group in
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
