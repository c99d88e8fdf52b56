package import Sockets

/// What is stuck on this machine, and why: a survey in, ailments out.
///
/// A decision without I/O, which does not depend on the order in which the kernel lists things.
package struct Analysis: Sendable {
    package let survey: Sampler
    package let ownership: Ownership
    package let pairs: SocketPairs
    package let prospects: WaitClassifier
    /// Who waits for whom, of those who cannot go on.
    let chain: WaitGraph<Int32>
    /// What is stuck, the worst first.
    package private(set) var ailments: [Finding] = []

    /// Where a socket stands in the earlier look, and in the later.
    private let earlierPlace: [MachineSocket.Identity: Int]
    private let laterPlace: [MachineSocket.Identity: Int]

    package init(_ survey: Sampler) {
        self.survey = survey
        ownership = Ownership(survey.later.processes.values)
        pairs = SocketPairs(survey.later.sockets)
        earlierPlace = Self.places(survey.earlier?.sockets ?? [])
        laterPlace = Self.places(survey.later.sockets)
        guard survey.earlier != nil else {
            // Nothing waited anywhere: there is nobody whose prospects are of interest.
            prospects = WaitClassifier(earlier: nil, now: Machine())
            chain = WaitGraph([])
            return
        }
        prospects = WaitClassifier(earlier: survey.earlier, now: survey.later)
        chain = WaitGraph(
            prospects.waits.flatMap { wait in wait.on.map { (from: wait.process, to: $0) } })
        ailments = examine()
    }

    package var machine: Machine { survey.later }

    private static func places(_ sockets: [MachineSocket]) -> [MachineSocket.Identity: Int] {
        Dictionary(sockets.indices.map { (sockets[$0].identity, $0) }) { $1 }
    }

    /// Whether it was there at the first look.
    func wasThere(_ socket: MachineSocket) -> Bool { earlierPlace[socket.identity] != nil }

    func earlier(_ socket: MachineSocket) -> MachineSocket? {
        earlierPlace[socket.identity].flatMap { survey.earlier?.sockets[$0] }
    }

    // MARK: Connections

    /// Every connection once: both ends where both are here, in an order that does not change.
    package var connections: [[MachineSocket]] { connections(where: { _ in true }) }

    /// Those of which at least one end is of interest.
    private func connections(
        where isOfInterest: (MachineSocket) -> Bool
    ) -> [[MachineSocket]] {
        var found: [[MachineSocket]] = []
        var met: Set<MachineSocket.Identity> = []
        for socket in machine.sockets where socket.isConnected && isOfInterest(socket) {
            guard met.insert(socket.identity).inserted else { continue }
            guard let peer = pairs.peer(of: socket), peer.identity != socket.identity else {
                if !socket.isOwnerless { found.append([socket]) }
                continue
            }
            met.insert(peer.identity)
            if !socket.isOwnerless || !peer.isOwnerless {
                found.append(socket.isFirst(before: peer) ? [socket, peer] : [peer, socket])
            }
        }
        return found.sorted { $0[0].isFirst(before: $1[0]) }
    }

    /// How many ends of these connections have owners that we may not see, and how many programs that
    /// have one do not show what they wait for.
    package func hidden(in connections: [[MachineSocket]]) -> (owners: Int, calls: Int) {
        let ends = connections.joined()
        let owners = ends.count { !$0.isOwnerless && !ownership.hasOwner($0) }
        let silent = Set(ends.flatMap { ownership.owners(of: $0) }.map(\.process)).count {
            guard let process = machine.processes[$0] else { return false }
            return process.state == .sleeping && process.threads == nil
        }
        return (owners, silent)
    }

    /// What one end by itself tells; after one look, if it was not there before.
    package func report(of socket: MachineSocket) -> StallReport {
        var statistics = socket.statistics
        if socket.kind == .unix {
            // A reader's queue shrinks with each byte, a writer's only when a whole block is read.
            let ends = [socket] + [pairs.peer(of: socket)].compactMap { $0 }
            statistics.timeSinceQueuesChanged = ends.compactMap(sinceQueuesChanged).min()
        }
        return StallReport.analyze(earlier(socket)?.statistics, statistics, during: .nothing)
    }

    /// As far as somebody has watched; nobody watches a socket that was empty at first.
    private func sinceQueuesChanged(_ socket: MachineSocket) -> Duration? {
        if let known = socket.statistics.timeSinceQueuesChanged { return known }
        guard let before = earlier(socket)?.statistics else { return nil }
        let isSame =
            before.receiveQueue == socket.statistics.receiveQueue
            && before.sendQueue == socket.statistics.sendQueue
        return isSame ? nil : .zero
    }

    /// The same, if it was there at both looks and says something that one may rely on.
    private func finding(of socket: MachineSocket) -> StallReport? {
        guard !socket.isQuiet, wasThere(socket) else { return nil }
        let report = report(of: socket)
        return report.confidence >= .likely ? report : nil
    }

    private func examine() -> [Finding] {
        var stuck: [(ailment: Finding, ends: [MachineSocket])] = []
        for ends in connections(where: { !$0.isQuiet }) {
            if let ailment = ailment(of: ends) { stuck.append((ailment, ends)) }
        }
        let waiting = machine.sockets.filter(\.isListening).compactMap(unaccepting)
        let links = prospects.waits.compactMap(link) + stuck.flatMap { full(links: $0.ailment) }
        let knots = knots(in: links)

        // What lies inside a knot is told of with it.
        let inside = knots.map { Set($0.knot) }
        let alone = stuck.filter { one in
            let all = Set(one.ends.flatMap { ownership.owners(of: $0) }.map(\.process))
            return all.isEmpty || !inside.contains { $0.isSuperset(of: all) }
        }
        let known = Set(
            (alone.flatMap(\.ends) + waiting.flatMap { $0.connections.joined() }).map(\.identity))
        let behind = waiters(
            links, outside: inside, known,
            unaccepting: Set(waiting.flatMap { $0.connections[0].flatMap(processes) }))
        return (knots.map(\.ailment) + alone.map(\.ailment) + waiting + behind).sorted()
    }

    /// Links of a connection whose buffers are full: those hold also if no call is seen.
    private func full(links ailment: Finding) -> [Finding.Link] {
        let kinds: Set<Finding.Kind> = [.bothWriting, .peerNotReading]
        return kinds.contains(ailment.kind) ? ailment.links : []
    }

    // MARK: One connection

    private func ailment(of ends: [MachineSocket]) -> Finding? {
        guard ends[0].kind == .tcp || ends.contains(where: standsStill) else { return nil }
        let findings = ends.map(finding)
        func isWriting(_ index: Int) -> Bool {
            findings.indices.contains(index)
                && findings[index].map { report in
                    report.verdict == .peerNotReading || report.verdict == .bothWriting
                } ?? false
        }
        if ends.count == 2 ? isWriting(0) && isWriting(1) : findings[0]?.verdict == .bothWriting {
            return bothWriting(ends, findings.compactMap(\.?.confidence).max() ?? .likely)
        }
        for (index, finding) in findings.enumerated() {
            let other = ends.count == 2 ? ends[1 - index] : nil
            guard let finding, !ends[index].isOwnerless || other != nil else { continue }
            if isWriting(index), !isUnaccepted(other) {
                return peerNotReading(ends[index], other, finding)
            }
            if finding.verdict == .networkLost { return networkLost(ends[index], other, finding) }
        }
        for (index, finding) in findings.enumerated() where finding?.verdict == .notReading {
            if let finding, !ends[index].isOwnerless {
                return notReading(ends[index], ends.count == 2 ? ends[1 - index] : nil, finding)
            }
        }
        return nil
    }

    /// Whether nobody who has this end did anything between the looks.
    ///
    /// Of Unix sockets the kernel counts no bytes and tells no times. The same amount may wait in one
    /// each time it is looked at, though question and answer go to and fro; but not without somebody
    /// running at either end.
    private func standsStill(_ end: MachineSocket) -> Bool {
        let owners = processes(of: end)
        return !owners.isEmpty
            && owners.allSatisfy { id in
                guard let now = machine.processes[id], let before = survey.earlier?.processes[id]
                else { return false }
                if now.state == .stopped || now.state == .traced { return true }
                guard let turns = now.turns else {
                    return now.threads != nil && now.threads == before.threads
                }
                return now.state != .running && turns == before.turns
            }
    }

    func isUnaccepted(_ socket: MachineSocket?) -> Bool {
        socket.map { pairs.listenerThatShouldAccept($0) != nil } ?? false
    }

    private func bothWriting(
        _ ends: [MachineSocket], _ confidence: StallReport.Confidence
    ) -> Finding {
        let links =
            ends.count == 2
            ? [link(from: ends[0], to: ends[1], .read), link(from: ends[1], to: ends[0], .read)]
            : [link(from: ends[0], to: nil, .read)]
        return Finding(
            .bothWriting, confidence, links: links.flatMap { $0 }, connections: [ends],
            still: stillness(of: ends), evidence: words.bothFull(ends),
            advice: AnalysisText.adviceToReadWhileWriting)
    }

    private func peerNotReading(
        _ writer: MachineSocket, _ reader: MachineSocket?, _ finding: StallReport
    ) -> Finding {
        let culprits = reader.map { processes(of: $0) } ?? []
        let cause = cause(culprits, reader)
        return Finding(
            .peerNotReading, sharpened(finding.confidence, culprits),
            links: link(from: writer, to: reader, .read),
            connections: [[writer] + [reader].compactMap { $0 }],
            still: stillness(of: [writer]),
            evidence: words.full(writer, reader, finding) + cause.text,
            advice: cause.advice ?? finding.advice, culprits: cause.culprits)
    }

    private func notReading(
        _ reader: MachineSocket, _ writer: MachineSocket?, _ finding: StallReport
    ) -> Finding {
        let culprits = processes(of: reader)
        let cause = cause(culprits, reader)
        return Finding(
            .notReading, sharpened(finding.confidence, culprits),
            connections: [[reader] + [writer].compactMap { $0 }],
            still: stillness(of: [reader]),
            evidence: words.unread(reader) + cause.text,
            advice: cause.advice ?? "It has to read; nothing else can make room or get an answer.",
            culprits: cause.culprits)
    }

    private func networkLost(
        _ end: MachineSocket, _ other: MachineSocket?, _ finding: StallReport
    ) -> Finding {
        Finding(
            .networkLost, finding.confidence,
            connections: [[end] + [other].compactMap { $0 }],
            still: finding.statistics.timeSinceLastAcknowledgement.map { ($0, false) },
            evidence: finding.evidence, advice: finding.advice, culprits: [])
    }

    /// What a program cannot read because it cannot go on, it will not read.
    private func sharpened(
        _ confidence: StallReport.Confidence, _ culprits: [Int32]
    ) -> StallReport.Confidence {
        !culprits.isEmpty && culprits.allSatisfy { prospects.stuck.contains($0) }
            ? .certain : confidence
    }

    // MARK: What several questions need

    func socket(_ identity: MachineSocket.Identity) -> MachineSocket? {
        laterPlace[identity].map { machine.sockets[$0] }
    }

    /// Who waits at one end for whom at the other, whether or not a call is seen.
    func link(
        from waiter: MachineSocket, to other: MachineSocket?, _ deed: Finding.Deed
    ) -> [Finding.Link] {
        ownership.owners(of: waiter).map { owner in
            Finding.Link(
                waiter: owner.process, call: words.call(of: owner, deed),
                descriptor: owner.descriptor,
                others: other.map { processes(of: $0) } ?? [], deed: deed,
                socket: waiter.identity)
        }
    }

    func processes(of socket: MachineSocket) -> [Int32] {
        let owned =
            socket.isOwnerless ? pairs.listenerThatShouldAccept(socket) ?? socket : socket
        return Set(ownership.owners(of: owned).map(\.process)).sorted()
    }

    /// For how long nothing has moved there.
    func stillness(of ends: [MachineSocket]) -> (time: Duration, isAtLeast: Bool)? {
        let times = ends.flatMap {
            [$0.statistics.timeSinceLastSend, $0.statistics.timeSinceLastReceive]
        }
        .compactMap { $0 }
        if ends.first?.kind == .tcp { return times.min().map { ($0, false) } }
        let watched = survey.earlier.map { machine.takenAt - $0.takenAt }
        return (ends.compactMap(\.statistics.timeSinceQueuesChanged).min() ?? watched).map {
            ($0, true)
        }
    }

    var words: AnalysisText { AnalysisText(machine, ownership) }
}

extension MachineSocket {
    /// An order that has no meaning but is always the same.
    fileprivate func isFirst(before other: MachineSocket) -> Bool {
        (kind.rawValue, identity.cookie) < (other.kind.rawValue, other.identity.cookie)
    }
}
