internal import Sockets

// Findings about cycles of programs that wait for each other, and about programs outside a cycle
// that wait for a stuck program.
extension Analysis {
    /// Returns the groups of processes that wait for each other, each with its finding.
    func cycles(in edges: [Finding.WaitEdge]) -> [(group: [Int32], finding: Finding)] {
        let graph = WaitGraph(
            edges.flatMap { edge in edge.blockers.map { (from: edge.waiter, to: $0) } })
        return graph.cyclicGroups.compactMap { group in
            let cycle = graph.shortestCycle(in: group)
            let waits = zip(cycle, cycle.dropFirst() + cycle.prefix(1)).compactMap { waiter, next in
                edges.first { $0.waiter == waiter && $0.blockers.contains(next) }
            }
            let sockets = waits.compactMap(\.socket).compactMap(socket)
            guard !sockets.isEmpty else { return nil }
            return (group, finding(cycle: waits, sockets, group: Set(group)))
        }
    }

    private func finding(
        cycle waits: [Finding.WaitEdge], _ sockets: [MachineSocket], group: Set<Int32>
    ) -> Finding {
        var connections: [[MachineSocket]] = []
        for socket in sockets
        where !connections.joined().contains(where: { $0.identity == socket.identity }) {
            connections.append([socket] + [pairs.peer(of: socket)].compactMap { $0 })
        }
        let isCertain = group.isSubset(of: classifier.stuck)
        let kind = kind(of: waits, connections)
        return Finding(
            kind, isCertain ? .certain : .likely, edges: waits, connections: connections,
            stall: connections.map { stallDuration(of: $0) }.compactMap { $0 }.min {
                $0.time < $1.time
            },
            evidence: text.cycle(kind, waits, connections, isCertain: isCertain)
                + (kind == .circularWait ? watched(group.sorted()) : ""),
            advice: AnalysisText.advice(for: kind), blockers: group.sorted())
    }

    /// Returns the kind of a cycle.
    ///
    /// A deadlock between the two ends of one connection has its own kind.
    private func kind(
        of waits: [Finding.WaitEdge], _ connections: [[MachineSocket]]
    ) -> Finding.Kind {
        guard waits.count == 2, connections.count == 1 else { return .circularWait }
        switch Set(waits.map(\.action)) {
        case [.read]: return .bothWriting
        case [.write]: return .bothWaiting
        default: return .circularWait
        }
    }

    /// Returns a finding for each program that waits for a stuck program, unless another finding
    /// covers the wait.
    ///
    /// A program that waits on several connections gets only one finding.
    func waiters(
        _ edges: [Finding.WaitEdge], outside groups: [Set<Int32>],
        _ covered: Set<MachineSocket.Identity>, notAccepting: Set<Int32>
    ) -> [Finding] {
        let remaining = edges.filter { edge in
            guard classifier.stuck.contains(edge.waiter), let identity = edge.socket,
                !covered.contains(identity), !groups.contains(where: { $0.contains(edge.waiter) })
            else { return false }
            return edge.action != .accept || !notAccepting.isSuperset(of: edge.blockers)
        }
        return Dictionary(grouping: remaining, by: \.waiter).values.map(waiter)
    }

    private static let shownEdges = 8

    private func waiter(_ edges: [Finding.WaitEdge]) -> Finding {
        let shown = Array(edges.prefix(Self.shownEdges))
        let connections = shown.compactMap(\.socket).compactMap(socket).map { socket in
            [socket] + [pairs.peer(of: socket)].compactMap { $0 }
        }
        let cause = cause(shown[0].blockers, nil)
        // The classifier has proved this wait, so the finding is certain even if the queues have
        // not been full for long.
        return Finding(
            shown[0].action == .read ? .peerNotReading : .peerStuck, .certain, edges: shown,
            connections: connections, stall: stallDuration(of: connections.first ?? []),
            evidence: text.wait(shown[0]) + cause.text,
            advice: cause.advice ?? "Find out what the peer waits for.",
            blockers: cause.blockers)
    }

    // MARK: Causes

    /// Returns a sentence that says why these blockers do not end the wait, with advice and the
    /// processes that have to act.
    ///
    /// The blockers may themselves wait, directly or through others, for a stopped process or for
    /// processes in a deadlock. In that case, the text also describes the stopped process or the
    /// deadlock, and those processes are returned as the blockers.
    func cause(
        _ blockers: [Int32], _ socket: MachineSocket?
    ) -> (text: String, advice: String?, blockers: [Int32]) {
        let (reason, advice) = text.reason(blockers, socket)
        let reached = Set(blockers.flatMap { chain.reached(from: $0) }).subtracting(blockers)
            .sorted()
        let halted = reached.filter { text.isHalted($0) }
        if let last = halted.first, !blockers.contains(where: { text.isHalted($0) }) {
            let (end, advice) = text.end(at: last)
            return (reason + end, advice, [last])
        }
        let isInCycle = blockers.contains { chain.reached(from: $0).contains($0) }
        let cycle = isInCycle ? [] : reached.filter { chain.reached(from: $0).contains($0) }
        guard !cycle.isEmpty else { return (reason, advice, blockers) }
        return (reason + text.end(atCycle: cycle), advice, cycle)
    }

    /// Returns the edge from a waiting process to the processes that could end its wait.
    func edge(_ wait: WaitClassifier.Wait) -> Finding.WaitEdge? {
        guard !wait.blockers.isEmpty else { return nil }
        let isPending = isUnaccepted(wait.socket.flatMap(socket))
        let action: Finding.Action =
            switch wait.interest {
            case nil: .exit
            case .reading: isPending ? .accept : .write
            case .writing: isPending ? .accept : .read
            case .accepting, .connecting: .accept
            }
        return Finding.WaitEdge(
            waiter: wait.process, call: wait.call, descriptor: wait.descriptor,
            blockers: wait.blockers, action: action, socket: wait.socket)
    }
}
