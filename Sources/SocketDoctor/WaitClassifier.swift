internal import Sockets

/// Which programs can go on by themselves, and which wait for others that cannot.
///
/// A program can go on if one of its threads can. A thread that waits can go on if anybody it waits
/// for can. Whatever cannot be seen, and whatever comes from outside (a terminal, a caller, a time, a
/// peer on another machine, a signal that is waited for), counts as able to go on. What is left waits for
/// ever, unless a signal interrupts it: that is no guess, so a healthy program is never among it.
package struct WaitClassifier: Sendable {
    /// One thread that waits for one descriptor, or for the end of a child.
    package struct Wait: Hashable, Sendable {
        package var process: Int32
        package var call: String
        package var descriptor: Int32?
        package var wish: BlockedCall.Wish?
        /// The socket that is waited for.
        package var socket: MachineSocket.Identity?
        /// Who could end it; never empty.
        package var on: [Int32]
    }

    /// Those that cannot go on.
    package private(set) var stuck: Set<Int32> = []
    /// For what those wait, in order of processes; a program that was stopped waits for nothing.
    package private(set) var waits: [Wait] = []

    /// - Parameters:
    ///   - earlier: a look of a moment before. A thread that did anything since then can go on; nil if
    ///     there was none, for a first guess whether another look is worth while.
    package init(earlier: Machine?, now: Machine) {
        let surroundings = Surroundings(now)
        var waitsOf: [Int32: [Wait]] = [:]
        var candidates: Set<Int32> = []
        for process in now.processes.values {
            guard let waits = surroundings.waits(of: process, since: earlier) else { continue }
            candidates.insert(process.id)
            waitsOf[process.id] = waits
        }
        stuck = Self.withoutProspects(candidates, waitsOf)
        waits = stuck.sorted().flatMap { waitsOf[$0] ?? [] }
    }

    /// Takes away whoever waits for somebody that can go on, until nobody is left who does.
    private static func withoutProspects(
        _ candidates: Set<Int32>, _ waits: [Int32: [Wait]]
    ) -> Set<Int32> {
        var left = candidates
        var waiters: [Int32: Set<Int32>] = [:]
        var able: [Int32] = []
        for process in candidates {
            for other in (waits[process] ?? []).flatMap(\.on) {
                waiters[other, default: []].insert(process)
                if !candidates.contains(other) { able.append(process) }
            }
        }
        while let process = able.popLast() {
            guard left.remove(process) != nil else { continue }
            able += waiters[process] ?? []
        }
        return left
    }
}

/// What a look says of who could wake whom.
private struct Surroundings {
    let machine: Machine
    let ownership: Ownership
    let pairs: SocketPairs
    let placeOfInode: [UInt32: Int]
    let children: [Int32: [Int32]]

    init(_ machine: Machine) {
        self.machine = machine
        ownership = Ownership(machine.processes.values)
        pairs = SocketPairs(machine.sockets)
        placeOfInode = Dictionary(
            machine.sockets.indices.map { (machine.sockets[$0].inode, $0) }
        ) { $1 }
        children = Dictionary(grouping: machine.processes.keys) {
            machine.processes[$0]?.parent ?? 0
        }
    }

    /// For what all threads wait; nil if one of them can go on.
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
        // Threads that wait for each other only are another's business.
        return all.isEmpty ? nil : all
    }

    private func waits(
        of thread: MachineThread, _ process: MachineProcess
    ) -> [WaitClassifier.Wait]? {
        guard let call = thread.call, !call.hasLimit else { return nil }
        switch call.waiting {
        // A signal comes from outside too: who waits for one may be woken by anybody.
        case .time, .signal, .unknown:
            return nil
        case .thread:
            return []
        case .child(let child):
            let all = children[process.id] ?? []
            let on = child.map { child in all.filter { $0 == child } } ?? all
            guard !on.isEmpty else { return nil }
            return [
                WaitClassifier.Wait(process: process.id, call: call.name, on: on.sorted())
            ]
        case .descriptors(let watched):
            var found: [WaitClassifier.Wait] = []
            for one in watched {
                guard let target = process.descriptors?[one.descriptor],
                    let wait = wait(for: one, target, process, call)
                else { return nil }
                // What only we ourselves could end, ends by none of our threads that wait.
                if !wait.on.isEmpty { found.append(wait) }
            }
            return found
        }
    }

    /// Who could end the wait for one descriptor; nil if it may end by itself.
    private func wait(
        for watched: BlockedCall.Watched, _ target: MachineProcess.Target,
        _ process: MachineProcess, _ call: BlockedCall
    ) -> WaitClassifier.Wait? {
        var wait = WaitClassifier.Wait(
            process: process.id, call: call.name, descriptor: watched.descriptor,
            wish: watched.wish, on: [])
        switch target {
        case .event:
            return wait
        case .watcher:
            return nil
        case .pipe(let inode):
            guard !ownership.isIncomplete else { return nil }
            wait.on = ownership.holders(ofPipe: inode).subtracting([process.id]).sorted()
            return wait
        case .socket(let inode):
            guard let place = placeOfInode[inode],
                case let socket = machine.sockets[place], !socket.isOwnerless,
                let others = others(of: socket, watched.wish)
            else { return nil }
            wait.socket = socket.identity
            wait.on = others
            return wait
        }
    }

    /// Who could make a socket ready for what is wanted; nil if it may become so without them.
    private func others(of socket: MachineSocket, _ wish: BlockedCall.Wish) -> [Int32]? {
        switch wish {
        case .accepting:
            return nil
        case .connecting:
            guard socket.kind == .tcp, let listener = pairs.listener(at: socket.remote) else {
                return nil
            }
            return owners(of: listener)
        case .reading:
            guard (socket.statistics.receiveQueue ?? 0) == 0,
                socket.statistics.hasPeerHalfClosed != true
            else {
                return nil
            }
        case .writing:
            guard (socket.statistics.sendQueue ?? 0) > 0 else { return nil }
        }
        guard socket.isConnected else { return nil }
        if let listener = pairs.listenerThatShouldAccept(socket) { return owners(of: listener) }
        return pairs.peer(of: socket).flatMap { owners(of: $0) }
    }

    /// Nil if we may not see any: then there may be one that can go on.
    private func owners(of socket: MachineSocket) -> [Int32]? {
        let owners = Set(ownership.owners(of: socket).map(\.process))
        return owners.isEmpty ? nil : owners.sorted()
    }
}
