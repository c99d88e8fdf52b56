internal import Sockets

// Who waits for whom: circles, and those behind them.
extension Analysis {
    /// The groups that wait for each other, with what is to be said of each.
    func knots(
        in links: [Finding.Link]
    ) -> [(knot: [Int32], ailment: Finding)] {
        let edges = links.flatMap { link in link.others.map { (from: link.waiter, to: $0) } }
        let graph = WaitGraph(edges)
        return graph.knots.compactMap { knot in
            let members = Set(knot)
            var way = graph.circle(in: knot)
            // Round to the first again.
            way.append(contentsOf: way.first.map { [$0] } ?? [])
            let round = zip(way, way.dropFirst()).compactMap { one, next in
                links.first { $0.waiter == one && $0.others.contains(next) }
            }
            let sockets = round.compactMap(\.socket).compactMap(socket)
            guard !sockets.isEmpty else { return nil }
            return (knot, circle(round, sockets, members))
        }
    }

    private func circle(
        _ round: [Finding.Link], _ sockets: [MachineSocket], _ members: Set<Int32>
    ) -> Finding {
        var connections: [[MachineSocket]] = []
        for socket in sockets
        where !connections.joined().contains(where: { $0.identity == socket.identity }) {
            connections.append([socket] + [pairs.peer(of: socket)].compactMap { $0 })
        }
        let isCertain = members.isSubset(of: prospects.stuck)
        let kind = kind(of: round, connections)
        return Finding(
            kind, isCertain ? .certain : .likely, links: round, connections: connections,
            still: connections.map { stillness(of: $0) }.compactMap { $0 }.min {
                $0.time < $1.time
            },
            evidence: words.circle(kind, round, connections, isCertain: isCertain),
            advice: AnalysisText.advice(for: kind), culprits: members.sorted())
    }

    /// Two at the ends of one connection have a deadlock that has a name; all others go in a circle.
    private func kind(
        of round: [Finding.Link], _ connections: [[MachineSocket]]
    ) -> Finding.Kind {
        guard round.count == 2, connections.count == 1 else { return .circle }
        switch Set(round.map(\.deed)) {
        case [.read]: return .bothWriting
        case [.write]: return .bothWaiting
        default: return .circle
        }
    }

    /// Those who cannot go on because somebody else cannot, and of whom nothing was told yet: one
    /// ailment for each program, however many connections it watches.
    func waiters(
        _ links: [Finding.Link], outside knots: [Set<Int32>], _ known: Set<MachineSocket.Identity>,
        unaccepting: Set<Int32>
    ) -> [Finding] {
        let untold = links.filter { link in
            guard prospects.stuck.contains(link.waiter), let identity = link.socket,
                !known.contains(identity), !knots.contains(where: { $0.contains(link.waiter) })
            else { return false }
            return link.deed != .accept || !unaccepting.isSuperset(of: link.others)
        }
        return Dictionary(grouping: untold, by: \.waiter).values.map(waiter)
    }

    private static let shownLinks = 8

    private func waiter(_ links: [Finding.Link]) -> Finding {
        let shown = Array(links.prefix(Self.shownLinks))
        let connections = shown.compactMap(\.socket).compactMap(socket).map { socket in
            [socket] + [pairs.peer(of: socket)].compactMap { $0 }
        }
        let cause = cause(shown[0].others, nil)
        // Whoever cannot be rid of his bytes is told so at once; from queues alone it takes longer.
        return Finding(
            shown[0].deed == .read ? .peerNotReading : .peerStuck, .certain, links: shown,
            connections: connections, still: stillness(of: connections.first ?? []),
            evidence: words.waits(shown[0]) + cause.text,
            advice: cause.advice ?? "See what the other waits for.", culprits: cause.culprits)
    }

    // MARK: Where it ends

    /// What those do who would have to act; and if they cannot, for whom they wait in the end.
    func cause(
        _ others: [Int32], _ socket: MachineSocket?
    ) -> (text: String, advice: String?, culprits: [Int32]) {
        let (text, advice) = words.reason(others, socket)
        let reached = Set(others.flatMap { chain.reached(from: $0) }).subtracting(others).sorted()
        let halted = reached.filter { words.isHalted($0) }
        if let last = halted.first, !others.contains(where: { words.isHalted($0) }) {
            let (end, advice) = words.end(at: last)
            return (text + end, advice, [last])
        }
        let isInKnot = others.contains { other in chain.reached(from: other).contains(other) }
        let knot = isInKnot ? [] : reached.filter { chain.reached(from: $0).contains($0) }
        guard !knot.isEmpty else { return (text, advice, others) }
        return (text + words.end(atKnot: knot), advice, knot)
    }

    /// What a program waits for, as a link to those who could end the wait.
    func link(_ wait: WaitClassifier.Wait) -> Finding.Link? {
        guard !wait.on.isEmpty else { return nil }
        let isKnocking = isUnaccepted(wait.socket.flatMap(socket))
        let deed: Finding.Deed =
            switch wait.wish {
            case nil: .end
            case .reading: isKnocking ? .accept : .write
            case .writing: isKnocking ? .accept : .read
            case .accepting, .connecting: .accept
            }
        return Finding.Link(
            waiter: wait.process, call: wait.call, descriptor: wait.descriptor, others: wait.on,
            deed: deed, socket: wait.socket)
    }
}
