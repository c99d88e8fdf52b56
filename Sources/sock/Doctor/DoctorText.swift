import SocketDoctor
import Sockets

/// The output as text, with a few lines for each finding and one line for each end of a healthy
/// connection.
struct DoctorText {
    let analysis: Analysis
    /// A Boolean value that indicates whether queues are drawn as bars, which only a terminal
    /// displays well.
    var isDrawn: Bool
    var hasColor: Bool
    /// The width of the output in columns.
    var width: Int

    init(_ analysis: Analysis, isDrawn: Bool, hasColor: Bool, width: Int = 80) {
        self.analysis = analysis
        self.isDrawn = isDrawn
        self.hasColor = hasColor
        self.width = max(40, width)
    }

    // MARK: Findings

    /// Returns the lines about a finding: the heading, one line for each end of its connections,
    /// one sentence for each program that waits, the evidence and the advice.
    func lines(of finding: Finding) -> [String] {
        let heading =
            "\(title(of: finding)) (\(finding.kind.code), \(finding.confidence))"
        let ends = table(finding.connections)
        let waits = finding.edges.map { "→ \(sentence(of: $0))" }
        return [colored(heading, for: finding)]
            + ends.map { "  " + $0 }
            + waits.flatMap {
                TextLayout.wrapped($0, width: width, indent: "  ", hangingIndent: "    ")
            }
            + TextLayout.wrapped(finding.evidence, width: width, indent: "  ")
            + TextLayout.wrapped(finding.advice, width: width, indent: "  ")
    }

    private func title(of finding: Finding) -> String {
        let time =
            finding.stallDuration.map {
                " for \($0.approximate)\(finding.isLowerBound ? " or longer" : "")"
            } ?? ""
        func now(_ present: String, or past: String) -> String {
            time.isEmpty ? present : past + time
        }
        switch finding.kind {
        case .circularWait:
            let programs = Set(finding.edges.map(\.waiter)).count
            return programs == 1
                ? "Deadlock\(time): a program waits for itself"
                : "Deadlock\(time): \(programs) programs wait for each other in a cycle"
        case .bothWriting: return "Deadlock\(time): both ends are writing, and neither reads"
        case .bothWaiting: return "Both ends wait for data\(time)"
        case .networkLost: return "The peer's machine does not answer\(time)"
        case .notAccepting:
            return now(
                "The server is not accepting clients", or: "The server has not accepted a client")
        case .peerNotReading: return now("The peer is not reading", or: "The peer has not read")
        case .notReading:
            return now("Received bytes are not being read", or: "Received bytes have not been read")
        case .peerStuck: return "The peer is stuck\(time)"
        case .notClosed:
            let ago = finding.stallDuration.map { duration in
                " \(duration.approximate)\(finding.isLowerBound ? " or longer" : "") ago"
            }
            return finding.confidence == .certain
                ? "The peer closed\(ago ?? ""), but the program has not"
                : "The peer closed or half-closed\(ago ?? ""), and the program has neither sent nor"
                    + " closed"
        }
    }

    private func sentence(of edge: Finding.WaitEdge) -> String {
        let call =
            edge.call.map { call in
                edge.descriptor.map { ", in \(call) on descriptor \($0)" } ?? ", in \(call)"
            } ?? ""
        let names = edge.blockers.map { analysis.machine.name(of: $0) }.joined(separator: " or ")
        let blockers =
            edge.blockers.isEmpty ? "its peer" : edge.blockers == [edge.waiter] ? "itself" : names
        return
            "\(analysis.machine.name(of: edge.waiter)) waits for \(blockers) to \(edge.action.rawValue)\(call)"
    }

    // MARK: Ends

    /// Returns one line for each end, with its owner, address and queues.
    ///
    /// The queues are drawn as bars if all lines then fit into the width.
    func table(_ connections: [[MachineSocket]]) -> [String] {
        let drawn = isDrawn ? rows(connections, drawn: true) : []
        if let widest = drawn.map(\.count).max(), widest + 2 <= width { return drawn }
        return rows(connections, drawn: false)
    }

    private func rows(_ connections: [[MachineSocket]], drawn: Bool) -> [String] {
        var rows: [[String]] = []
        for ends in connections {
            for (index, end) in ends.enumerated() {
                // These marks at the left join the two ends of a connection.
                let mark = ends.count == 1 ? "─" : index == 0 ? "┌" : "└"
                rows.append([mark, owner(of: end), address(of: end)] + queues(end, drawn: drawn))
            }
        }
        return Self.aligned(rows)
    }

    private func owner(of socket: MachineSocket) -> String {
        let owners = analysis.ownership.owners(of: socket)
        guard let first = owners.first else {
            if analysis.pairs.isQueued(socket) { return "(not yet accepted)" }
            if socket.isOwnerless { return "(no program)" }
            return socket.user.map { "(hidden, user \($0))" } ?? "(hidden)"
        }
        let more = owners.count > 1 ? " +\(owners.count - 1)" : ""
        let name = analysis.machine.processes[first.process]?.shownName ?? "?"
        return "\(name)[\(first.process)] fd \(first.descriptor)\(more)"
    }

    private func address(of socket: MachineSocket) -> String {
        switch (socket.kind, socket.isListening) {
        case (.tcp, true): "listens on \(socket.local)"
        case (.tcp, false):
            // The remote address is left out if the other end has its own line, which shows that
            // address. An end that its program has closed has no line.
            analysis.pairs.peer(of: socket) == nil || Self.hasPeerEnded(socket)
                ? "\(socket.local) → \(socket.remote)" : "\(socket.local)"
        case (.udp, _): "\(socket.local)"
        case (.unix, true): "listens on \(socket.local)"
        case (.unix, false): socket.local == .unnamed ? "unix" : "\(socket.local)"
        }
    }

    private func queues(_ socket: MachineSocket, drawn: Bool) -> [String] {
        if socket.isListening {
            let count = socket.pendingConnections
            let verb = count == 1 ? "waits" : "wait"
            return ["\(count) of at most \(socket.capacity) clients \(verb)"]
        }
        let statistics = socket.statistics
        guard statistics.state != .synSent else { return ["connecting"] }
        return [
            queue("out", statistics.sendQueue, of: statistics.sendBufferSize, drawn: drawn),
            queue("in", statistics.receiveQueue, of: statistics.receiveBufferSize, drawn: drawn)
                + (Self.hasPeerEnded(socket) ? ", ended" : ""),
        ]
    }

    /// Returns whether the peer has closed or half-closed the connection.
    private static func hasPeerEnded(_ socket: MachineSocket) -> Bool {
        socket.statistics.state == .closeWait || socket.statistics.isHungUp == true
    }

    private func queue(_ label: String, _ amount: Int?, of limit: Int?, drawn: Bool) -> String {
        guard let amount else { return "\(label) ?" }
        return drawn
            ? "\(label) \(QueueBar.drawn(amount, of: limit)) \(amount.brief)" : "\(label) \(amount)"
    }

    private static func aligned(_ rows: [[String]]) -> [String] {
        guard let columns = rows.map(\.count).max() else { return [] }
        // The last text of a row is not padded, so it does not affect the width of its column.
        let widths = (0..<columns).map { column in
            rows.map { $0.count > column + 1 ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            row.enumerated().map { index, text in
                index == row.count - 1
                    ? text : text + String(repeating: " ", count: widths[index] - text.count)
            }.joined(separator: "  ")
        }
    }

    // MARK: Healthy connections

    /// Returns one line for each end of the connections.
    ///
    /// The first line of a connection ends with its verdict.
    func table(ofHealthy connections: [[MachineSocket]]) -> [String] {
        let verdicts = connections.flatMap { ends in
            [Self.verdict(of: ends, analysis).verdict.code]
                + [String](repeating: "", count: ends.count - 1)
        }
        let rows = table(connections)
        let widest = rows.map(\.count).max() ?? 0
        return zip(rows, verdicts).map { row, verdict in
            let padding = String(repeating: " ", count: widest - row.count)
            return verdict.isEmpty ? row : "\(row)\(padding)  \(verdict)"
        }
    }

    /// Returns the report that describes the connection best.
    ///
    /// This is the report about the end whose peer reads slowly. If there is no such end, it is the
    /// report about the first end that is not idle, or about the first end if both are idle.
    static func verdict(of ends: [MachineSocket], _ analysis: Analysis) -> StallReport {
        let reports = ends.filter { !$0.isOwnerless || ends.count == 1 }.map(analysis.report)
        let slow = reports.first { report in
            if case .peerReadingSlowly = report.verdict { true } else { false }
        }
        return slow ?? reports.first { $0.verdict != .idle } ?? reports.first
            ?? analysis.report(of: ends[0])
    }

    // MARK: Ports

    private static let shownProcesses = 4

    /// Returns a sentence for each socket that holds a port.
    func lines(about holders: [PortHolder]) -> [String] {
        holders.flatMap { holder in
            TextLayout.wrapped(Self.sentence(about: holder), width: width, hangingIndent: "  ")
        }
    }

    /// Returns a sentence that names the programs, the PIDs and the user.
    static func sentence(
        about holder: PortHolder, isRoot: Bool = Environment.isRoot
    ) -> String {
        let socket = holder.socket
        let (one, several) = socket.isListening ? ("listens on", "listen on") : ("has", "have")
        let port = "\(socket.kind == .udp ? "UDP" : "TCP") port \(socket.local)"
        let isSingle = holder.processes.count < 2
        let act = "\(isSingle ? one : several) \(port)"
        guard !holder.processes.isEmpty else {
            // The kernel also has sockets of its own, for example for NFS.
            return isRoot
                ? "No visible program holds \(port) of user \(holder.user ?? "unknown"), so the kernel"
                    + " or another sandbox may hold it."
                : "A program of user \(holder.user ?? "unknown") \(act); it is hidden from this user,"
                    + " and root can see it."
        }
        let names = holder.processes.prefix(shownProcesses).map(\.description)
        let more = holder.processes.count - names.count
        let all = names.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
        let unread = socket.kind == .udp ? socket.statistics.receiveQueue ?? 0 : 0
        let waiting =
            unread > 0 ? " with \(unread) unread bytes (the kernel's overhead included)" : ""
        return "\(all) \(act)\(waiting), as user \(holder.user ?? "unknown")."
    }

    // MARK: Slow readers

    private static let shownReaders = 3

    /// Returns sentences about the first slow readers, and a line with the number of the others.
    func lines(about readers: [Analysis.SlowReader]) -> [String] {
        let shown = readers.prefix(Self.shownReaders).flatMap { reader in
            TextLayout.wrapped(sentence(about: reader), width: width, indent: "")
        }
        let more = readers.count - Self.shownReaders
        return more > 0
            ? shown + [
                "Not stuck: \(more) more \(more == 1 ? "program reads" : "programs read") slowly."
            ]
            : shown
    }

    private func sentence(about slow: Analysis.SlowReader) -> String {
        let writer = slow.writer.map { " from \(owner(of: $0))" } ?? ""
        return
            "Not stuck: \(owner(of: slow.reader)) reads slowly, \(slow.bytesPerSecond.bytesPerSecond), and"
            + " \(slow.waiting.bytes)\(writer) wait for it."
    }

    // MARK: Groups

    /// Returns a block of lines for each cause.
    ///
    /// If several findings have the same cause, such as thousands of clients of a stopped program,
    /// the block shows the first finding and the number of the others.
    func blocks(of findings: [Finding]) -> [[String]] {
        var groups: [[Finding]] = []
        var indices: [Cause: Int] = [:]
        for finding in findings {
            let cause = Cause(finding)
            let isKnown = !cause.blockers.isEmpty || cause.user != nil
            if isKnown, let index = indices[cause] {
                groups[index].append(finding)
            } else {
                indices[cause] = groups.count
                groups.append([finding])
            }
        }
        return groups.map { group in
            let more = group.count - 1
            let rest =
                more == 0
                ? []
                : [
                    "  The same applies to \(more) more \(more == 1 ? "connection" : "connections")."
                ]
            return lines(of: group[0]) + rest
        }
    }

    private struct Cause: Hashable {
        var kind: Finding.Kind
        var blockers: [Int32]
        /// The user of a hidden program that does not close its connections; nil for other causes.
        var user: UInt32?

        init(_ finding: Finding) {
            kind = finding.kind
            if kind == .notClosed, finding.blockers.isEmpty {
                user = finding.connections.first?.first?.user
            }
            // Deadlocks are never grouped, because each deadlock has its own cause.
            let isDeadlock = [.circularWait, .bothWriting, .bothWaiting].contains(kind)
            blockers = isDeadlock ? [] : finding.blockers
        }
    }

    // MARK: Lines

    private func colored(_ heading: String, for finding: Finding) -> String {
        guard hasColor else { return heading }
        let color = finding.confidence == .certain ? "31" : "33"
        return "\u{1B}[1;\(color)m\(heading)\u{1B}[0m"
    }
}

extension Int {
    /// The number of bytes in about three digits, such as "128 KB".
    fileprivate var brief: String {
        switch self {
        case ..<1000: "\(self) B"
        case ..<999_500: "\((self + 500) / 1000) KB"
        case ..<9_950_000: "\((self + 50_000) / 1_000_000).\((self + 50_000) / 100_000 % 10) MB"
        default: "\((self + 500_000) / 1_000_000) MB"
        }
    }
}

extension Duration {
    /// The rounded duration, such as "0.6 s", "12 s", "5 min", "3 h" or "2 days".
    var approximate: String {
        let seconds = components.seconds
        switch seconds {
        case ..<10: return brief
        case ..<120: return "\(seconds) s"
        case ..<7200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3600) h"
        default: return "\(seconds / 86400) days"
        }
    }
}
