import SocketDoctor
import Sockets

/// The same for programs: one object for each ailment, and for each healthy connection.
struct DoctorJSON {
    let examination: Analysis

    init(_ examination: Analysis) { self.examination = examination }

    func object(of ailment: Finding) -> JSON {
        .object([
            ("verdict", .string(ailment.kind.code)),
            ("confidence", .string("\(ailment.confidence)")),
            ("stuck", .boolean(true)),
            ("seconds", ailment.still.map(seconds) ?? .null),
            ("atLeast", .boolean(ailment.isAtLeast)),
            ("waits", .array(ailment.links.map(object))),
            ("connections", .array(ailment.connections.map { .array($0.map(object)) })),
            ("culprits", .array(ailment.culprits.map { .number(Int($0)) })),
            ("evidence", .string(ailment.evidence)),
            ("advice", .string(ailment.advice)),
        ])
    }

    /// Of a connection that is not stuck.
    func object(of ends: [MachineSocket]) -> JSON {
        let report = DoctorText.verdict(of: ends, examination)
        return .object([
            ("verdict", .string(report.verdict.code)),
            ("confidence", .string("\(report.confidence)")),
            ("stuck", .boolean(false)),
            ("seconds", .null),
            ("atLeast", .boolean(false)),
            ("waits", .array([])),
            ("connections", .array([.array(ends.map(object))])),
            ("culprits", .array([])),
            ("evidence", .string(report.evidence)),
            ("advice", .string(report.advice)),
        ])
    }

    private func object(of link: Finding.Link) -> JSON {
        .object([
            ("pid", .number(Int(link.waiter))),
            ("call", .optional(link.call)),
            ("descriptor", link.descriptor.map { .number(Int($0)) } ?? .null),
            ("for", .array(link.others.map { .number(Int($0)) })),
            ("to", .string(link.deed.rawValue)),
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
            ("owners", .array(examination.ownership.owners(of: socket).map(object))),
            ("unread", number(statistics.receiveQueue)),
            ("queued", number(statistics.sendQueue)),
            ("unsent", number(statistics.notSent)),
            ("callers", socket.isListening ? .number(socket.callers) : .null),
            ("backlog", socket.isListening ? .number(socket.backlog) : .null),
        ])
    }

    private func object(of owner: Ownership.Owner) -> JSON {
        let process = examination.machine.processes[owner.process]
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
