import SocketDoctor
import Sockets

/// What is stuck, in words for people: an ailment in a few lines, a healthy connection in one.
struct DoctorText {
    let examination: Analysis
    /// Bars and colours, which only a terminal shows.
    var isDrawn: Bool
    var hasColor: Bool
    /// How many columns there are.
    var width: Int

    init(_ examination: Analysis, isDrawn: Bool, hasColor: Bool, width: Int = 80) {
        self.examination = examination
        self.isDrawn = isDrawn
        self.hasColor = hasColor
        self.width = max(40, width)
    }

    // MARK: An ailment

    /// A heading, the ends, who waits for whom, evidence and advice.
    func lines(of ailment: Finding) -> [String] {
        let heading =
            "\(title(of: ailment)) (\(ailment.kind.code), \(ailment.confidence))"
        let ends = table(ailment.connections)
        let links = ailment.links.map { "→ \(sentence(of: $0, in: ailment))" }
        return [colored(heading, for: ailment)]
            + ends.map { "  " + $0 }
            + links.flatMap { wrapped($0, indent: "  ", further: "    ") }
            + wrapped(ailment.evidence, indent: "  ", further: "  ")
            + wrapped(ailment.advice, indent: "  ", further: "  ")
    }

    private func title(of ailment: Finding) -> String {
        let time =
            ailment.still.map {
                " for \($0.told)\(ailment.isAtLeast ? " or longer" : "")"
            } ?? ""
        switch ailment.kind {
        case .circle:
            let programs = Set(ailment.links.map(\.waiter)).count
            return
                (programs == 1
                ? "A program waits for itself" : "\(programs) programs wait in a circle")
                + time
        case .bothWriting: return "Both ends are writing, and neither reads\(time)"
        case .bothWaiting: return "Both ends are waiting to read\(time)"
        case .networkLost: return "The network is lost\(time)"
        case .notAccepting: return "Nobody accepts callers\(time)"
        case .peerNotReading: return "The peer is not reading\(time)"
        case .notReading: return "Bytes lie unread\(time)"
        case .peerStuck: return "The peer cannot go on\(time)"
        }
    }

    private func sentence(of link: Finding.Link, in ailment: Finding) -> String {
        let call =
            link.call.map { call in
                link.descriptor.map { ", in \(call) on descriptor \($0)" } ?? ", in \(call)"
            } ?? ""
        let others = link.others.map { name(of: $0) }.joined(separator: " or ")
        let whom =
            link.others.isEmpty ? "its peer" : link.others == [link.waiter] ? "itself" : others
        return "\(name(of: link.waiter)) waits for \(whom) to \(link.deed.rawValue)\(call)"
    }

    private func name(of process: Int32) -> String {
        examination.machine.processes[process]?.description ?? "PID \(process)"
    }

    // MARK: Ends

    /// One line for each end, in columns: who, where, how much waits. Bars are drawn where there is
    /// room for them.
    func table(_ connections: [[MachineSocket]]) -> [String] {
        let drawn = isDrawn ? rows(connections, drawn: true) : []
        if let widest = drawn.map(\.count).max(), widest + 2 <= width { return drawn }
        return rows(connections, drawn: false)
    }

    private func rows(_ connections: [[MachineSocket]], drawn: Bool) -> [String] {
        var rows: [[String]] = []
        for ends in connections {
            for (index, end) in ends.enumerated() {
                // Two ends that belong together are joined at the left.
                let mark = ends.count == 1 ? "─" : index == 0 ? "┌" : "└"
                rows.append([mark, who(end), place(end)] + queues(end, drawn: drawn))
            }
        }
        return Self.aligned(rows)
    }

    private func who(_ socket: MachineSocket) -> String {
        let owners = examination.ownership.owners(of: socket)
        guard let first = owners.first else {
            if socket.isOwnerless { return "(no program)" }
            return socket.user.map { "(hidden, user \($0))" } ?? "(hidden)"
        }
        let more = owners.count > 1 ? " +\(owners.count - 1)" : ""
        let name = examination.machine.processes[first.process]?.shownName ?? "?"
        return "\(name)[\(first.process)] fd \(first.descriptor)\(more)"
    }

    private func place(_ socket: MachineSocket) -> String {
        switch (socket.kind, socket.isListening) {
        case (.tcp, true): "listens on \(socket.local)"
        case (.tcp, false):
            // The other end's line says its address, if there is one.
            examination.pairs.peer(of: socket) == nil
                ? "\(socket.local) → \(socket.remote)" : "\(socket.local)"
        case (.unix, true): "listens on \(socket.local)"
        case (.unix, false): socket.local == .unnamed ? "unix" : "\(socket.local)"
        }
    }

    private func queues(_ socket: MachineSocket, drawn: Bool) -> [String] {
        if socket.isListening { return ["\(socket.callers) of \(socket.backlog) callers wait"] }
        let statistics = socket.statistics
        return [
            queue("out", statistics.sendQueue, of: statistics.sendBufferSize, drawn: drawn),
            queue("in", statistics.receiveQueue, of: statistics.receiveBufferSize, drawn: drawn),
        ]
    }

    private func queue(_ label: String, _ amount: Int?, of limit: Int?, drawn: Bool) -> String {
        guard let amount else { return "\(label) ?" }
        return drawn
            ? "\(label) \(QueueBar.drawn(amount, of: limit)) \(amount.brief)" : "\(label) \(amount)"
    }

    private static func aligned(_ rows: [[String]]) -> [String] {
        guard let columns = rows.map(\.count).max() else { return [] }
        // The last of a row takes what room it needs.
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

    /// One line for each end, with what is to be said of the connection behind the first.
    func table(ofHealthy connections: [[MachineSocket]]) -> [String] {
        let verdicts = connections.flatMap { ends in
            [Self.verdict(of: ends, examination).verdict.code]
                + [String](repeating: "", count: ends.count - 1)
        }
        let rows = table(connections)
        let widest = rows.map(\.count).max() ?? 0
        return zip(rows, verdicts).map { row, verdict in
            let padding = String(repeating: " ", count: widest - row.count)
            return verdict.isEmpty ? row : "\(row)\(padding)  \(verdict)"
        }
    }

    /// What the end tells that has most to tell.
    static func verdict(of ends: [MachineSocket], _ examination: Analysis) -> StallReport {
        let reports = ends.filter { !$0.isOwnerless || ends.count == 1 }.map(examination.report)
        return reports.first { $0.verdict != .idle } ?? reports.first
            ?? examination.report(of: ends[0])
    }

    // MARK: Several of a kind

    /// Blocks of lines. Of ailments that have the same cause, as of thousands of clients of a program
    /// that was stopped, the first is told and the others are counted.
    func blocks(of ailments: [Finding]) -> [[String]] {
        var alike: [[Finding]] = []
        var place: [Cause: Int] = [:]
        for ailment in ailments {
            let cause = Cause(ailment)
            if let index = cause.culprits.isEmpty ? nil : place[cause] {
                alike[index].append(ailment)
            } else {
                place[cause] = alike.count
                alike.append([ailment])
            }
        }
        return alike.map { group in
            let more = group.count - 1
            let rest =
                more == 0
                ? []
                : ["  The same of \(more == 1 ? "1 more connection" : "\(more) more connections")."]
            return lines(of: group[0]) + rest
        }
    }

    private struct Cause: Hashable {
        var kind: Finding.Kind
        var culprits: [Int32]

        init(_ ailment: Finding) {
            kind = ailment.kind
            let isOne = [.circle, .bothWriting, .bothWaiting].contains(kind)
            // Those are each a thing of its own.
            culprits = isOne ? [] : ailment.culprits
        }
    }

    // MARK: Lines

    private func colored(_ heading: String, for ailment: Finding) -> String {
        guard hasColor else { return heading }
        let color = ailment.confidence == .certain ? "31" : "33"
        return "\u{1B}[1;\(color)m\(heading)\u{1B}[0m"
    }

    /// The text in lines of the width, cut between words.
    func wrapped(_ text: String, indent: String, further: String) -> [String] {
        var lines: [String] = []
        var line = indent
        var isEmpty = true
        for word in text.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                (line, isEmpty) = (further, true)
            }
            line += isEmpty ? "\(word)" : " \(word)"
            isEmpty = false
        }
        return isEmpty ? lines : lines + [line]
    }
}

extension Int {
    /// Bytes in three digits, for where the eye and not a program reads them: "128 KB".
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
    /// As long as people say it: "0.6 s", "12 s", "5 min", "3 h", "2 days".
    var told: String {
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
