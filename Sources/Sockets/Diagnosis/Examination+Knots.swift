// Who waits for whom: circles, and those behind them.
extension Examination {
    /// The groups that wait for each other, with what is to be said of each.
    func knots(
        in links: [Ailment.Link]
    ) -> [(knot: [Int32], ailment: Ailment)] {
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
        _ round: [Ailment.Link], _ sockets: [MachineSocket], _ members: Set<Int32>
    ) -> Ailment {
        var connections: [[MachineSocket]] = []
        for socket in sockets
        where !connections.joined().contains(where: { $0.identity == socket.identity }) {
            connections.append([socket] + [pairs.peer(of: socket)].compactMap { $0 })
        }
        let isCertain = members.isSubset(of: prospects.stuck)
        let kind = kind(of: round, connections)
        return Ailment(
            kind, isCertain ? .certain : .likely, links: round, connections: connections,
            still: connections.map { stillness(of: $0) }.compactMap { $0 }.min {
                $0.time < $1.time
            },
            evidence: words.circle(kind, round, connections, isCertain: isCertain),
            advice: ExaminationWords.advice(for: kind), culprits: members.sorted())
    }

    /// Two at the ends of one connection have a deadlock that has a name; all others go in a circle.
    private func kind(
        of round: [Ailment.Link], _ connections: [[MachineSocket]]
    ) -> Ailment.Kind {
        guard round.count == 2, connections.count == 1 else { return .circle }
        switch Set(round.map(\.deed)) {
        case [.read]: return .bothWriting
        case [.write]: return .bothWaiting
        default: return .circle
        }
    }

    /// Those who cannot go on because somebody else cannot, and of whom nothing was told yet.
    func waiters(
        _ links: [Ailment.Link], outside knots: [Set<Int32>], _ known: Set<MachineSocket.Identity>
    ) -> [Ailment] {
        links.compactMap { link in
            guard prospects.stuck.contains(link.waiter), let identity = link.socket,
                !known.contains(identity), let socket = socket(identity),
                !knots.contains(where: { $0.contains(link.waiter) })
            else { return nil }
            let (reason, advice) = words.reason(link.others, nil)
            let ends = [socket] + [pairs.peer(of: socket)].compactMap { $0 }
            // Whoever cannot read is told so at once; from queues alone that would take longer.
            return Ailment(
                link.deed == .read ? .peerNotReading : .peerStuck, .certain, links: [link],
                connections: [ends], still: stillness(of: ends),
                evidence: words.waits(link) + reason,
                advice: advice ?? "See what the other waits for.", culprits: link.others)
        }
    }

    /// What a program waits for, as a link to those who could end the wait.
    func link(_ wait: Prospects.Wait) -> Ailment.Link? {
        guard !wait.on.isEmpty else { return nil }
        let isKnocking = isUnaccepted(wait.socket.flatMap(socket))
        let deed: Ailment.Deed =
            switch wait.wish {
            case nil: .end
            case .reading: isKnocking ? .accept : .write
            case .writing: isKnocking ? .accept : .read
            case .accepting, .connecting: .accept
            }
        return Ailment.Link(
            waiter: wait.process, call: wait.call, descriptor: wait.descriptor, others: wait.on,
            deed: deed, socket: wait.socket)
    }
}
