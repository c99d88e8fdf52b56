package import Sockets

/// The findings about a machine: which of its sockets are stuck, and why.
///
/// The analysis does no I/O, and its result does not depend on the order in which the kernel lists
/// sockets.
package struct Analysis: Sendable {
    package let samples: MachineSamples
    package let ownership: Ownership
    package let pairs: SocketPairs
    let classifier: WaitClassifier
    /// The wait-for graph of the processes that cannot continue.
    let chain: WaitGraph<Int32>
    /// The stalls on this machine, with the worst first.
    package private(set) var findings: [Finding] = []

    /// The index of each socket in the earlier sample.
    private let earlierIndex: [MachineSocket.Identity: Int]
    /// The index of each socket in the later sample.
    private let laterIndex: [MachineSocket.Identity: Int]

    package init(_ samples: MachineSamples) {
        self.samples = samples
        ownership = Ownership(samples.later.processes.values)
        pairs = SocketPairs(samples.later.sockets)
        earlierIndex = Self.indices(samples.earlier?.sockets ?? [])
        laterIndex = Self.indices(samples.later.sockets)
        guard samples.earlier != nil else {
            // Nothing waited at the first sample, so there is no second sample and nothing to
            // classify.
            classifier = WaitClassifier(earlier: nil, now: Machine())
            chain = WaitGraph([])
            return
        }
        classifier = WaitClassifier(earlier: samples.earlier, now: samples.later)
        chain = WaitGraph(
            classifier.waits.flatMap { wait in
                wait.blockers.map { (from: wait.process, to: $0) }
            })
        findings = findAll()
    }

    package var machine: Machine { samples.later }

    private static func indices(_ sockets: [MachineSocket]) -> [MachineSocket.Identity: Int] {
        Dictionary(sockets.indices.map { (sockets[$0].identity, $0) }) { $1 }
    }

    /// Returns whether the socket existed at the first sample.
    func existedBefore(_ socket: MachineSocket) -> Bool { earlierIndex[socket.identity] != nil }

    func earlier(_ socket: MachineSocket) -> MachineSocket? {
        earlierIndex[socket.identity].flatMap { samples.earlier?.sockets[$0] }
    }

    // MARK: Connections

    /// All connections in a stable order, each with both ends if both are on this machine.
    package var connections: [[MachineSocket]] { connections(where: { _ in true }) }

    /// Returns the connections of which at least one end satisfies the condition.
    func connections(
        where isOfInterest: (MachineSocket) -> Bool
    ) -> [[MachineSocket]] {
        var found: [[MachineSocket]] = []
        var visited: Set<MachineSocket.Identity> = []
        for socket in machine.sockets where socket.isConnected && isOfInterest(socket) {
            guard visited.insert(socket.identity).inserted else { continue }
            guard let peer = pairs.peer(of: socket), peer.identity != socket.identity else {
                if !socket.isOwnerless { found.append([socket]) }
                continue
            }
            visited.insert(peer.identity)
            if !socket.isOwnerless || !peer.isOwnerless {
                found.append(socket.isFirst(before: peer) ? [socket, peer] : [peer, socket])
            }
        }
        return found.sorted { $0[0].isFirst(before: $1[0]) }
    }

    /// Counts the ends whose owners are hidden from this user, and the owners whose system calls
    /// are hidden.
    package func hidden(in connections: [[MachineSocket]]) -> (owners: Int, calls: Int) {
        let ends = connections.joined()
        let owners = ends.count { !$0.isOwnerless && !ownership.hasOwner($0) }
        let silent = Set(ends.flatMap { ownership.owners(of: $0) }.map(\.process)).count {
            guard let process = machine.processes[$0] else { return false }
            return process.state == .sleeping && process.threads == nil
        }
        return (owners, silent)
    }

    /// Returns the report about one end, based on its statistics and on the bytes that both ends
    /// were seen to read.
    ///
    /// The report is based on one sample if the socket is new, and otherwise on two samples.
    package func report(of socket: MachineSocket) -> StallReport {
        var statistics = socket.statistics
        statistics.isPeerLocal = pairs.isPeerLocal(socket)
        if socket.kind == .unix {
            // A reader's queue shrinks with each byte that is read, but a writer's queue only when
            // the peer has read a whole block. So use the time of the last change at either end.
            let ends = [socket] + [pairs.peer(of: socket)].compactMap { $0 }
            statistics.timeSinceQueuesChanged = ends.compactMap(timeSinceQueuesChanged).min()
        }
        return StallReport.analyze(
            earlier(socket)?.statistics, statistics, during: .nothing,
            reads: ObservedReads(
                here: bytesRead(socket), atPeer: pairs.peer(of: socket).flatMap(bytesRead)))
    }

    /// Returns a lower bound for the number of bytes that the program of this end read between the
    /// samples, or nil if that is unknown.
    private func bytesRead(_ socket: MachineSocket) -> Int? {
        socket.bytesRead
            ?? earlier(socket).flatMap { socket.statistics.bytesRead(since: $0.statistics) }
    }

    /// Returns how long the queues have not changed, or nil if that is unknown.
    ///
    /// The time is unknown for a socket whose queues were empty at the first sample and have not
    /// changed since, because such a socket is not observed.
    private func timeSinceQueuesChanged(_ socket: MachineSocket) -> Duration? {
        if let known = socket.statistics.timeSinceQueuesChanged { return known }
        guard let before = earlier(socket)?.statistics else { return nil }
        let isSame =
            before.receiveQueue == socket.statistics.receiveQueue
            && before.sendQueue == socket.statistics.sendQueue
        return isSame ? nil : .zero
    }

    /// Returns the report about a socket if its confidence is `likely` or higher, and otherwise
    /// nil.
    ///
    /// The result is also nil for a socket that is quiet or was not in the first sample.
    private func likelyReport(of socket: MachineSocket) -> StallReport? {
        guard !socket.isQuiet, existedBefore(socket) else { return nil }
        let report = report(of: socket)
        return report.confidence >= .likely ? report : nil
    }

    private func findAll() -> [Finding] {
        var stuck: [(finding: Finding, ends: [MachineSocket])] = []
        for ends in connections(where: { !$0.isQuiet }) {
            if let finding = finding(of: ends) { stuck.append((finding, ends)) }
        }
        let waiting = machine.sockets.filter(\.isListening).compactMap(notAccepting)
        let accepting = Set(waiting.map { $0.connections[0][0].identity })
        let open = machine.sockets.filter(isEndedAndEmpty).filter { end in
            pairs.listenerThatShouldAccept(end).map { !accepting.contains($0.identity) } ?? true
        }.compactMap(notClosed)
        let datagrams = machine.sockets.filter(hasFullUnreadQueue).map {
            notReading($0, nil, .likely, text.fullOfDatagrams($0))
        }
        let edges =
            classifier.waits.compactMap(edge) + stuck.flatMap { fullBufferEdges($0.finding) }
        let cycles = cycles(in: edges)

        // The finding about a cycle covers the connections inside the cycle, so they need no
        // findings of their own.
        let groups = cycles.map { Set($0.group) }
        let alone = stuck.filter { candidate in
            let owners = Set(candidate.ends.flatMap { ownership.owners(of: $0) }.map(\.process))
            return owners.isEmpty || !groups.contains { $0.isSuperset(of: owners) }
        }
        let covered = Set(
            (alone.flatMap(\.ends) + waiting.flatMap { $0.connections.joined() }).map(\.identity))
        let behind = waiters(
            edges, outside: groups, covered,
            notAccepting: Set(waiting.flatMap { $0.connections[0].flatMap(processes) }))
        return (cycles.map(\.finding) + alone.map(\.finding) + datagrams + waiting + behind + open)
            .sorted()
    }

    /// Returns the edges of a connection whose buffers are full, because full buffers prove a wait
    /// even if no system call is visible.
    private func fullBufferEdges(_ finding: Finding) -> [Finding.WaitEdge] {
        let kinds: Set<Finding.Kind> = [.bothWriting, .peerNotReading]
        return kinds.contains(finding.kind) ? finding.edges : []
    }

    // MARK: One connection

    private func finding(of ends: [MachineSocket]) -> Finding? {
        guard ends[0].kind == .tcp || ends.contains(where: isInactive) else { return nil }
        let reports = ends.map(likelyReport)
        func isWriting(_ index: Int) -> Bool {
            reports.indices.contains(index)
                && reports[index].map { report in
                    report.verdict == .peerNotReading || report.verdict == .bothWriting
                } ?? false
        }
        if ends.count == 2 ? isWriting(0) && isWriting(1) : reports[0]?.verdict == .bothWriting {
            return bothWriting(ends, reports.compactMap(\.?.confidence).max() ?? .likely)
        }
        for (index, report) in reports.enumerated() {
            let other = ends.count == 2 ? ends[1 - index] : nil
            guard let report, !ends[index].isOwnerless || other != nil else { continue }
            if isWriting(index), !isUnaccepted(other) {
                return peerNotReading(ends[index], other, report, advice: report.advice)
            }
            if report.verdict == .networkLost {
                if let finding = unanswered(ends[index], other, report) { return finding }
            }
        }
        for (index, report) in reports.enumerated() where report?.verdict == .notReading {
            if let report, !ends[index].isOwnerless {
                return notReading(
                    ends[index], ends.count == 2 ? ends[1 - index] : nil, report.confidence,
                    text.unread(ends[index]))
            }
        }
        return nil
    }

    /// Returns whether it is certain that no owner of this end ran between the samples.
    ///
    /// The kernel reports neither byte counts nor times for a Unix socket, so equal queue lengths
    /// in both samples do not prove a stall. But if requests and replies had passed in between,
    /// owners of both ends would have run.
    private func isInactive(_ end: MachineSocket) -> Bool {
        let owners = processes(of: end)
        return !owners.isEmpty
            && owners.allSatisfy { id in
                guard let now = machine.processes[id], let before = samples.earlier?.processes[id]
                else { return false }
                if now.state == .stopped || now.state == .traced { return true }
                guard let counter = now.runCounter else {
                    return now.threads != nil && now.threads == before.threads
                }
                return now.state != .running && counter == before.runCounter
            }
    }

    /// Returns whether a UDP socket has a full receive buffer, and no owner of it ran between the
    /// samples.
    ///
    /// A full queue alone proves nothing, because the queue of a program that reads too slowly is
    /// also full at both samples. A queue counts as full at three quarters of the buffer, because
    /// the next datagram may not fit into the rest.
    private func hasFullUnreadQueue(_ socket: MachineSocket) -> Bool {
        guard socket.kind == .udp, let queue = socket.statistics.receiveQueue,
            let size = socket.statistics.receiveBufferSize, size > 0
        else { return false }
        return queue >= size / 4 * 3 && earlier(socket)?.statistics.receiveQueue == queue
            && isInactive(socket)
    }

    func isUnaccepted(_ socket: MachineSocket?) -> Bool {
        socket.map { pairs.listenerThatShouldAccept($0) != nil } ?? false
    }

    private func bothWriting(
        _ ends: [MachineSocket], _ confidence: StallReport.Confidence
    ) -> Finding {
        let edges =
            ends.count == 2
            ? [edge(from: ends[0], to: ends[1], .read), edge(from: ends[1], to: ends[0], .read)]
            : [edge(from: ends[0], to: nil, .read)]
        return Finding(
            .bothWriting, confidence, edges: edges.flatMap { $0 }, connections: [ends],
            stall: stallDuration(of: ends), evidence: text.bothFull(ends),
            advice: AnalysisText.adviceToReadWhileWriting)
    }

    private static let adviceToRead =
        "The program must read, because nothing else empties the buffer."

    private func peerNotReading(
        _ writer: MachineSocket, _ reader: MachineSocket?, _ report: StallReport, advice: String
    ) -> Finding {
        let blockers = reader.map { processes(of: $0) } ?? []
        let cause = cause(blockers, reader)
        return Finding(
            .peerNotReading, raised(report.confidence, blockers),
            edges: edge(from: writer, to: reader, .read),
            connections: [[writer] + [reader].compactMap { $0 }],
            stall: stallDuration(of: [writer]),
            evidence: text.full(writer, reader, report) + cause.text + watched(blockers),
            advice: cause.advice ?? advice, blockers: cause.blockers)
    }

    private func notReading(
        _ reader: MachineSocket, _ writer: MachineSocket?, _ confidence: StallReport.Confidence,
        _ evidence: String
    ) -> Finding {
        let blockers = processes(of: reader)
        let cause = cause(blockers, reader)
        return Finding(
            .notReading, raised(confidence, blockers),
            connections: [[reader] + [writer].compactMap { $0 }],
            stall: stallDuration(of: [reader]),
            evidence: evidence + cause.text + watched(blockers),
            advice: cause.advice ?? Self.adviceToRead, blockers: cause.blockers)
    }

    /// Returns a finding about an end that gets no answer, or nil if the finding about a listener
    /// covers it.
    ///
    /// The network is to blame only if no socket of this machine explains the silence.
    private func unanswered(
        _ end: MachineSocket, _ other: MachineSocket?, _ report: StallReport
    ) -> Finding? {
        if pairs.isIgnoredByFullListener(end) || isUnaccepted(other) { return nil }
        // A full buffer explains the silence, because the kernel drops segments that do not fit
        // into it.
        if let other, other.statistics.isWindowFull {
            return peerNotReading(end, other, report, advice: Self.adviceToRead)
        }
        return Finding(
            .networkLost, report.confidence,
            connections: [[end] + [other].compactMap { $0 }],
            stall: report.statistics.timeUnanswered.map { ($0, false) },
            evidence: report.evidence, advice: report.advice, blockers: [])
    }

    /// Returns a sentence, with a leading space, that says how long no read was seen.
    ///
    /// The result is empty if none of the processes may read soon.
    func watched(_ readers: [Int32]) -> String {
        guard let earlier = samples.earlier, readers.contains(where: { mayRead($0) }) else {
            return ""
        }
        return text.watched(for: machine.takenAt - earlier.takenAt)
    }

    /// Returns the confidence of a finding about a wait that only these blockers could end.
    ///
    /// If all blockers are stuck, the result is `certain`, because a stuck process will never read.
    /// Otherwise the result is `confidence`.
    private func raised(
        _ confidence: StallReport.Confidence, _ blockers: [Int32]
    ) -> StallReport.Confidence {
        !blockers.isEmpty && blockers.allSatisfy { classifier.stuck.contains($0) }
            ? .certain : confidence
    }

    // MARK: Shared by the findings

    func socket(_ identity: MachineSocket.Identity) -> MachineSocket? {
        laterIndex[identity].map { machine.sockets[$0] }
    }

    /// Returns the edges from the owners of one end to the owners of the other end, even if no
    /// system call is visible.
    func edge(
        from waiter: MachineSocket, to other: MachineSocket?, _ action: Finding.Action
    ) -> [Finding.WaitEdge] {
        ownership.owners(of: waiter).map { owner in
            Finding.WaitEdge(
                waiter: owner.process, call: text.call(of: owner, action),
                descriptor: owner.descriptor,
                blockers: other.map { processes(of: $0) } ?? [], action: action,
                socket: waiter.identity)
        }
    }

    func processes(of socket: MachineSocket) -> [Int32] {
        let owned =
            socket.isOwnerless ? pairs.listenerThatShouldAccept(socket) ?? socket : socket
        return Set(ownership.owners(of: owned).map(\.process)).sorted()
    }

    /// Returns how long these ends have transferred no bytes, and whether that is a lower bound.
    func stallDuration(of ends: [MachineSocket]) -> (time: Duration, isLowerBound: Bool)? {
        let times = ends.flatMap {
            [$0.statistics.timeSinceLastSend, $0.statistics.timeSinceLastReceive]
        }.compactMap { $0 }
        if ends.first?.kind == .tcp { return times.min().map { ($0, false) } }
        let observed = samples.earlier.map { machine.takenAt - $0.takenAt }
        return (ends.compactMap(\.statistics.timeSinceQueuesChanged).min() ?? observed).map {
            ($0, true)
        }
    }

    var text: AnalysisText { AnalysisText(machine, ownership) }
}

extension MachineSocket {
    /// Returns whether this socket precedes another in an arbitrary but stable order.
    fileprivate func isFirst(before other: MachineSocket) -> Bool {
        (kind.rawValue, identity.cookie) < (other.kind.rawValue, other.identity.cookie)
    }
}
