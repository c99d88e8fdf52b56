import SocketDoctor
import Sockets

/// A runner that samples the machine, and prints what is stuck and what is hidden.
struct DoctorRunner {
    private let filter: DoctorFilter
    private let showsAll: Bool
    private let isJSON: Bool

    init(_ filter: DoctorFilter, showsAll: Bool, isJSON: Bool) {
        self.filter = filter
        self.showsAll = showsAll
        self.isJSON = isJSON
    }

    /// Samples the machine once, prints the findings, and returns the exit status.
    func run() throws(Failure) -> ExitStatus {
        let analysis = try analyze()
        let findings = analysis.findings.filter { filter.matches($0, analysis) }
        try Console.write(text(analysis, findings))
        printGaps(analysis)
        return Self.status(of: findings)
    }

    /// Returns the exit status, which findings that are only `possible` do not change.
    static func status(of findings: [Finding]) -> ExitStatus {
        findings.contains(where: \.isLikely) ? .stuck : .success
    }

    /// Samples the machine and prints the findings repeatedly, until an interrupt ends the program.
    func runRepeatedly() throws(Failure) -> Never {
        let isTerminal = StandardStreams.output.isTerminal
        var isFirst = true
        while true {
            let analysis = try analyze()
            let findings = analysis.findings.filter { filter.matches($0, analysis) }
            // This escape sequence moves the cursor to the top left corner and clears the screen.
            let start = isJSON ? "" : isTerminal ? "\u{1B}[H\u{1B}[J" : isFirst ? "" : "\n"
            try Console.write(start + text(analysis, findings))
            // Clearing the terminal has removed the messages about the gaps, so print them again.
            if isFirst || isTerminal { printGaps(analysis) }
            isFirst = false
            Worker.sleep(for: .seconds(2))
        }
    }

    private func analyze() throws(Failure) -> Analysis {
        let analysis: Analysis
        do throws(Errno) {
            // Read UDP sockets only if a port is given, because only the report about a port
            // includes them.
            analysis = try Analysis.ofMachine(
                filter.port == nil
                    ? MachineSocket.List.streams : MachineSocket.List.allCases)
        } catch {
            throw Failure(
                .cannotInspect,
                "cannot examine the sockets of this machine:"
                    + " \(error.description.withLowercasedFirst)",
                hint: "sock doctor needs /proc and a kernel with socket diagnosis (INET_DIAG).")
        }
        try filter.requireMatch(in: analysis)
        return analysis
    }

    private func printGaps(_ analysis: Analysis) {
        for gap in analysis.samples.gaps { Log.message(Self.text(of: gap)) }
        let connections = analysis.connections.filter { filter.matches($0, analysis) }
        let hidden = analysis.hidden(in: connections)
        for line in Self.text(ofHidden: hidden, isRoot: Environment.isRoot) { Log.message(line) }
    }

    // MARK: Output

    private func text(_ analysis: Analysis, _ findings: [Finding]) -> String {
        let healthy = showsAll ? healthyConnections(analysis, findings) : []
        if isJSON {
            let writer = DoctorJSON(analysis)
            let holders = showsAll ? filter.holders(in: analysis) : []
            let objects =
                findings.map(writer.object) + healthy.map(writer.object)
                + holders.map(writer.object)
            return objects.map { $0.text + "\n" }.joined()
        }
        let output = StandardStreams.output
        let text = DoctorText(
            analysis, isDrawn: output.isTerminal,
            hasColor: output.isTerminal && Environment["NO_COLOR"] == nil, width: output.width)
        let holders = filter.holders(in: analysis)
        var blocks = holders.isEmpty ? [] : [text.lines(about: holders)]
        blocks += text.blocks(of: findings)
        if !healthy.isEmpty { blocks.append(text.table(ofHealthy: healthy)) }
        let slow = analysis.slowReaders.filter { reader in
            filter.matches([reader.reader] + [reader.writer].compactMap { $0 }, analysis)
        }
        if !slow.isEmpty { blocks.append(text.lines(about: slow)) }
        let examined = analysis.machine.sockets.count { filter.matches([$0], analysis) }
        blocks.append([Self.summary(of: findings, examined: examined)])
        return blocks.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
    }

    private func healthyConnections(
        _ analysis: Analysis, _ findings: [Finding]
    ) -> [[MachineSocket]] {
        let stuck = Set(findings.flatMap(\.connections).joined().map(\.identity))
        return analysis.connections.filter { ends in
            filter.matches(ends, analysis) && !ends.contains { stuck.contains($0.identity) }
        }
    }

    /// Returns the last line, which counts the findings and the sockets.
    static func summary(of findings: [Finding], examined: Int) -> String {
        let sockets = examined == 1 ? "1 socket" : "\(examined) sockets"
        guard !findings.isEmpty else { return "Nothing is stuck: \(sockets) examined." }
        let likely = findings.count(where: \.isLikely)
        let problems = [(likely, ""), (findings.count - likely, "possible ")].filter { $0.0 > 0 }
            .map { "\($0) \($1)problem\($0 == 1 ? "" : "s")" }
        return "Found \(problems.joined(separator: " and ")) in \(sockets)."
    }

    /// Returns the message about something that could not be observed.
    static func text(of gap: MachineSamples.Gap) -> String {
        switch gap {
        case .list(let list, let error):
            "cannot list \(name(of: list)) sockets: \(error.description.withLowercasedFirst)"
        case .changing(let list):
            "\(name(of: list)) sockets changed while they were listed, so one may be missing"
        }
    }

    /// Returns messages that say what is hidden, and whether root can see more.
    static func text(ofHidden hidden: (owners: Int, calls: Int), isRoot: Bool) -> [String] {
        // Some processes in a sandbox are hidden even from root, so do not advise root to run this
        // as root. The kernel also has sockets of its own, for example for NFS.
        let reader = isRoot ? "hidden even from root" : "hidden from this user; root sees more"
        var lines: [String] = []
        if hidden.owners > 0, isRoot {
            lines.append(
                hidden.owners == 1
                    ? "1 socket has no visible owner; the kernel or another sandbox may hold it"
                    : "\(hidden.owners) sockets have no visible owner; the kernel or another sandbox may"
                        + " hold them")
        } else if hidden.owners > 0 {
            let owners =
                hidden.owners == 1
                ? "the owner of 1 socket is" : "the owners of \(hidden.owners) sockets are"
            lines.append("\(owners) \(reader)")
        }
        if hidden.calls > 0 {
            let programs =
                hidden.calls == 1
                ? "the system call of 1 waiting program is"
                : "the system calls of \(hidden.calls) waiting programs are"
            lines.append("\(programs) \(reader)")
        }
        return lines
    }

    private static func name(of list: MachineSocket.List) -> String {
        switch list {
        case .tcp4: "TCP (IPv4)"
        case .tcp6: "TCP (IPv6)"
        case .udp4: "UDP (IPv4)"
        case .udp6: "UDP (IPv6)"
        case .unix: "Unix"
        }
    }
}
