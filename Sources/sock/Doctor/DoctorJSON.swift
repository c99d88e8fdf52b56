import SocketDoctor
import Sockets

/// The JSON output, with one object for each finding and for each healthy connection.
struct DoctorJSON {
    let analysis: Analysis

    init(_ analysis: Analysis) { self.analysis = analysis }

    func object(of finding: Finding) -> JSON {
        .object([
            ("verdict", .string(finding.kind.code)),
            ("confidence", .string("\(finding.confidence)")),
            ("stuck", .boolean(finding.isLikely)),
            ("seconds", finding.stallDuration.map(seconds) ?? .null),
            ("atLeast", .boolean(finding.isLowerBound)),
            ("waits", .array(finding.edges.map(object))),
            ("connections", .array(finding.connections.map { .array($0.map(object)) })),
            ("blockers", .array(finding.blockers.map { .number(Int($0)) })),
            ("evidence", .string(finding.evidence)),
            ("advice", .string(finding.advice)),
        ])
    }

    /// Returns the JSON object that describes a healthy connection.
    func object(of ends: [MachineSocket]) -> JSON {
        let report = DoctorText.verdict(of: ends, analysis)
        return .object([
            ("verdict", .string(report.verdict.code)),
            ("confidence", .string("\(report.confidence)")),
            ("stuck", .boolean(false)),
            ("seconds", .null),
            ("atLeast", .boolean(false)),
            ("waits", .array([])),
            ("connections", .array([.array(ends.map(object))])),
            ("blockers", .array([])),
            ("evidence", .string(report.evidence)),
            ("advice", .string(report.advice)),
        ])
    }

    /// Returns the JSON object that describes a socket that holds a port.
    func object(of holder: PortHolder) -> JSON {
        .object([
            ("verdict", .string(holder.socket.isListening ? "listening" : "bound")),
            ("confidence", .string("\(StallReport.Confidence.certain)")),
            ("stuck", .boolean(false)),
            ("seconds", .null),
            ("atLeast", .boolean(false)),
            ("waits", .array([])),
            ("connections", .array([.array([object(of: holder.socket)])])),
            ("blockers", .array([])),
            ("evidence", .string(DoctorText.sentence(about: holder))),
            ("advice", .string("")),
        ])
    }

    private func object(of edge: Finding.WaitEdge) -> JSON {
        .object([
            ("pid", .number(Int(edge.waiter))),
            ("call", .optional(edge.call)),
            ("descriptor", edge.descriptor.map { .number(Int($0)) } ?? .null),
            ("for", .array(edge.blockers.map { .number(Int($0)) })),
            ("to", .string(edge.action.rawValue)),
        ])
    }

    private func object(of socket: MachineSocket) -> JSON {
        let statistics = socket.statistics
        func number(_ value: Int?) -> JSON { value.map { .number($0) } ?? .null }
        return .object([
            ("kind", .string(socket.kind.rawValue)),
            ("listening", .boolean(socket.isListening)),
            ("local", .string("\(socket.local)")),
            ("remote", .string("\(socket.remote)")),
            ("inode", .number(Int(socket.inode))),
            ("owners", .array(analysis.ownership.owners(of: socket).map(object))),
            ("receiveQueue", number(statistics.receiveQueue)),
            ("sendQueue", number(statistics.sendQueue)),
            ("notSent", number(statistics.notSent)),
            (
                "pendingConnections",
                socket.isListening ? .number(socket.pendingConnections) : .null
            ),
            ("backlog", socket.isListening ? .number(socket.backlog) : .null),
            ("capacity", socket.isListening ? .number(socket.capacity) : .null),
        ])
    }

    private func object(of owner: Ownership.Owner) -> JSON {
        let process = analysis.machine.processes[owner.process]
        return .object([
            ("pid", .number(Int(owner.process))),
            ("program", .optional(process?.shownName)),
            ("descriptor", .number(Int(owner.descriptor))),
        ])
    }

    private func seconds(_ duration: Duration) -> JSON {
        .decimal((duration / .milliseconds(1)).rounded() / 1000)
    }
}
