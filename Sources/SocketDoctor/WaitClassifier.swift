internal import Sockets

/// A classifier that separates the processes that can continue from those that are stuck.
///
/// A process can continue if one of its threads can. A waiting thread can continue if any process
/// that it waits for can. The classifier assumes that everything hidden can continue. It assumes
/// the same of everything outside: a terminal, a new client, a timer, a peer on another machine,
/// and a signal for which a thread waits.
///
/// The remaining processes wait for ever, unless a signal interrupts them. This is a proof and not
/// a guess, so no healthy process is reported as stuck.
struct WaitClassifier: Sendable {
    /// The wait of one thread for one descriptor, or for a child to exit.
    struct Wait: Hashable, Sendable {
        var process: Int32
        var call: String
        var descriptor: Int32?
        var interest: BlockedCall.Interest?
        /// The socket to which the descriptor refers; nil if it refers to something else.
        var socket: MachineSocket.Identity?
        /// The processes, any of which could end the wait; never empty in ``waits``.
        var blockers: [Int32]
    }

    /// The processes that cannot continue.
    private(set) var stuck: Set<Int32> = []
    /// The waits of the stuck processes, in ascending order of the processes.
    ///
    /// A stopped process has no waits.
    private(set) var waits: [Wait] = []

    /// Classifies the processes of a sample.
    ///
    /// - Parameters:
    ///   - earlier: An earlier sample. A process whose threads have changed since then can
    ///     continue. If there is no earlier sample, the result only shows whether another sample is
    ///     worth taking.
    ///   - now: The sample to classify.
    init(earlier: Machine?, now: Machine) {
        let resolver = WaitResolver(now)
        var waitsOf: [Int32: [Wait]] = [:]
        var candidates: Set<Int32> = []
        for process in now.processes.values {
            guard let waits = resolver.waits(of: process, since: earlier) else { continue }
            candidates.insert(process.id)
            waitsOf[process.id] = waits
        }
        stuck = Self.reduced(candidates, waitsOf)
        waits = stuck.sorted().flatMap { waitsOf[$0] ?? [] }
    }

    /// Returns the candidates that are stuck.
    ///
    /// The method repeatedly removes the processes that wait for a process that can continue.
    private static func reduced(
        _ candidates: Set<Int32>, _ waits: [Int32: [Wait]]
    ) -> Set<Int32> {
        var left = candidates
        var waiters: [Int32: Set<Int32>] = [:]
        var able: [Int32] = []
        for process in candidates {
            for blocker in (waits[process] ?? []).flatMap(\.blockers) {
                waiters[blocker, default: []].insert(process)
                if !candidates.contains(blocker) { able.append(process) }
            }
        }
        while let process = able.popLast() {
            guard left.remove(process) != nil else { continue }
            able += waiters[process] ?? []
        }
        return left
    }
}

/// A resolver that finds, in one sample, the processes that could end a wait.
private struct WaitResolver {
    let machine: Machine
    let ownership: Ownership
    let pairs: SocketPairs
    let indexOfInode: [UInt32: Int]
    let children: [Int32: [Int32]]

    init(_ machine: Machine) {
        self.machine = machine
        ownership = Ownership(machine.processes.values)
        pairs = SocketPairs(machine.sockets)
        indexOfInode = Dictionary(
            machine.sockets.indices.map { (machine.sockets[$0].inode, $0) }
        ) { $1 }
        children = Dictionary(grouping: machine.processes.keys) {
            machine.processes[$0]?.parent ?? 0
        }
    }

    /// Returns the waits of all threads of a process, or nil if one of the threads can continue.
    func waits(of process: MachineProcess, since earlier: Machine?) -> [WaitClassifier.Wait]? {
        if process.state == .stopped || process.state == .traced { return [] }
        guard process.state == .sleeping, process.descriptors != nil,
            let threads = process.threads, !threads.isEmpty
        else { return nil }
        if let earlier, earlier.processes[process.id]?.threads != threads { return nil }
        var all: [WaitClassifier.Wait] = []
        for thread in threads {
            guard let waits = waits(of: thread, process) else { return nil }
            all += waits
        }
        // A process whose threads only wait for each other is not stuck on a socket, so leave it
        // out.
        return all.isEmpty ? nil : all
    }

    private func waits(
        of thread: MachineThread, _ process: MachineProcess
    ) -> [WaitClassifier.Wait]? {
        guard let call = thread.call, !call.hasTimeout else { return nil }
        switch call.wakeCondition {
        // Such a wait may end by itself. For example, any process may send the signal.
        case .time, .signal, .unknown:
            return nil
        case .thread:
            return []
        case .child(let child):
            let all = children[process.id] ?? []
            let blockers = child.map { child in all.filter { $0 == child } } ?? all
            guard !blockers.isEmpty else { return nil }
            return [
                WaitClassifier.Wait(
                    process: process.id, call: call.name, blockers: blockers.sorted())
            ]
        case .descriptors(let watched):
            var found: [WaitClassifier.Wait] = []
            for entry in watched {
                guard let target = process.descriptors?[entry.descriptor],
                    let wait = wait(for: entry, target, process, call)
                else { return nil }
                // Only this process could end a wait without blockers, but all of its threads wait.
                // So such a wait never ends, and it needs no edge.
                if !wait.blockers.isEmpty { found.append(wait) }
            }
            return found
        }
    }

    /// Returns the wait for one descriptor, or nil if it may end by itself.
    private func wait(
        for watched: BlockedCall.WatchedDescriptor, _ target: MachineProcess.DescriptorTarget,
        _ process: MachineProcess, _ call: BlockedCall
    ) -> WaitClassifier.Wait? {
        var wait = WaitClassifier.Wait(
            process: process.id, call: call.name, descriptor: watched.descriptor,
            interest: watched.interest, blockers: [])
        switch target {
        case .eventfd:
            return wait
        case .epoll:
            return nil
        case .pipe(let inode):
            guard !ownership.isIncomplete else { return nil }
            wait.blockers = ownership.holders(ofPipe: inode).subtracting([process.id]).sorted()
            return wait
        case .socket(let inode):
            guard let index = indexOfInode[inode],
                case let socket = machine.sockets[index], !socket.isOwnerless,
                let blockers = blockers(of: socket, watched.interest)
            else { return nil }
            wait.socket = socket.identity
            wait.blockers = blockers
            return wait
        }
    }

    /// Returns the processes that could make a socket ready, or nil if it may become ready without
    /// them.
    private func blockers(
        of socket: MachineSocket, _ interest: BlockedCall.Interest
    ) -> [Int32]? {
        switch interest {
        case .accepting:
            return nil
        case .connecting:
            guard socket.kind == .tcp else { return nil }
            return pairs.listenerThatShouldAccept(socket).flatMap { owners(of: $0) }
        case .reading:
            guard (socket.statistics.receiveQueue ?? 0) == 0,
                socket.statistics.hasPeerHalfClosed != true
            else { return nil }
        case .writing:
            guard (socket.statistics.sendQueue ?? 0) > 0 else { return nil }
        }
        guard socket.isConnected else { return nil }
        if let listener = pairs.listenerThatShouldAccept(socket) { return owners(of: listener) }
        return pairs.peer(of: socket).flatMap { owners(of: $0) }
    }

    /// Returns the owners of a socket, or nil if none is visible.
    ///
    /// A hidden owner may be able to continue, so the caller must not treat the socket as stuck.
    private func owners(of socket: MachineSocket) -> [Int32]? {
        let owners = Set(ownership.owners(of: socket).map(\.process))
        return owners.isEmpty ? nil : owners.sorted()
    }
}
