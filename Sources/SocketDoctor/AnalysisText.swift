internal import Sockets

/// The evidence and the advice of findings, written as sentences.
///
/// Names of programs are untrusted text, so this type escapes them.
package struct AnalysisText {
    private let machine: Machine
    private let ownership: Ownership

    init(_ machine: Machine, _ ownership: Ownership) {
        self.machine = machine
        self.ownership = ownership
    }

    // MARK: Names

    /// Returns the name and the number of a process, such as "python3[4711]".
    func name(of process: Int32) -> String { machine.name(of: process) }

    /// Returns the names and the numbers of several processes, such as "a[1] or b[2]".
    func names(of processes: [Int32]) -> String {
        processes.isEmpty
            ? "a hidden program" : processes.map { name(of: $0) }.joined(separator: " or ")
    }

    /// Returns the names of the owners of one end.
    func owner(of socket: MachineSocket) -> String {
        names(of: Set(ownership.owners(of: socket).map(\.process)).sorted())
    }

    // MARK: Evidence

    /// Returns the evidence that an end cannot send its bytes.
    func full(
        _ writer: MachineSocket, _ reader: MachineSocket?, _ report: StallReport
    ) -> String {
        guard let reader else { return "\(owner(of: writer)): \(report.evidence)" }
        return "\(waiting(writer, for: reader))."
    }

    /// Returns the evidence that both ends write and neither end reads.
    func bothFull(_ ends: [MachineSocket]) -> String {
        guard ends.count == 2 else {
            let end = ends[0]
            return "\(owner(of: end)) cannot send \(amount(end)), and leaves"
                + " \((end.statistics.receiveQueue ?? 0).bytes) from its peer unread."
        }
        return "\(waiting(ends[0], for: ends[1])), and \(waiting(ends[1], for: ends[0]))."
    }

    private func waiting(_ writer: MachineSocket, for reader: MachineSocket) -> String {
        let unread = (reader.statistics.receiveQueue ?? 0).bytes
        return "\(owner(of: writer)) cannot send \(amount(writer)) because"
            + " \(owner(of: reader)) leaves \(unread) unread"
    }

    private func amount(_ socket: MachineSocket) -> String {
        max(socket.statistics.sendQueue ?? 0, socket.statistics.notSent ?? 0).bytes
    }

    /// Returns the evidence that an end does not read.
    func unread(_ reader: MachineSocket) -> String {
        let time =
            reader.statistics.timeSinceLastReceive.map { " for \($0.brief)" }
            ?? reader.statistics.timeSinceQueuesChanged.map { " for \($0.brief) or longer" } ?? ""
        let unread = reader.statistics.receiveQueue ?? 0
        return
            "\(unread.bytes) \(unread == 1 ? "has" : "have") waited\(time) for \(owner(of: reader))"
            + " to read them."
    }

    /// Returns the evidence that a program does not read its datagrams.
    func fullOfDatagrams(_ reader: MachineSocket) -> String {
        let statistics = reader.statistics
        return
            "The datagrams that \(owner(of: reader)) has not read fill its receive buffer"
            + " (\(statistics.receiveQueue ?? 0) of \((statistics.receiveBufferSize ?? 0).bytes)), so"
            + " the kernel drops new ones."
    }

    /// Returns the evidence that a program read nothing while it was watched, with a leading space.
    func watched(for time: Duration) -> String {
        " No byte was read in the last \(time.brief), but a program that reads less often looks the"
            + " same."
    }

    /// Returns the evidence that a listener's program does not accept clients.
    ///
    /// The ignored clients are not in the backlog, because it is full.
    func notAccepted(_ listener: MachineSocket, isFull: Bool, ignored: Int) -> String {
        let waiting =
            "\(Self.clients(listener.pendingConnections)) for \(owner(of: listener)) to accept"
        guard isFull else { return waiting + "." }
        guard ignored > 0 else { return waiting + ", and the backlog is full." }
        return
            "\(waiting), the backlog is full, and \(ignored) more"
            + " \(ignored == 1 ? "client gets" : "clients get") no answer."
    }

    /// Returns a sentence, with a leading space, that says how many of the waiting clients have
    /// closed or half-closed their connections; empty if none has.
    func ended(_ count: Int, of waiting: Int, areClosed: Bool) -> String {
        guard count > 0 else { return "" }
        let act = areClosed ? "closed" : "closed or half-closed"
        if waiting == 1 { return " It has already \(act) its connection." }
        return count == 1
            ? " 1 of them has already \(act) its connection."
            : " \(count) of them have already \(act) their connections."
    }

    /// Returns the evidence that a program keeps a connection open after the peer has closed or
    /// half-closed it.
    func notClosed(_ end: MachineSocket, _ peer: Analysis.PeerEnd, isQueued: Bool) -> String {
        let act =
            switch peer {
            case .closed: "closed"
            case .halfClosed: "half-closed"
            case .unknown: "closed or half-closed"
            }
        if isQueued { return "A client has \(act) a connection that is not yet accepted." }
        let owner = owner(of: end)
        if case .closed = peer {
            return "The peer of \(owner) has closed the connection, but \(owner) keeps it open."
        }
        return
            "The peer of \(owner) has \(act) the connection, and \(owner) has neither sent nor closed"
            + " since."
    }

    /// Returns how many clients wait, such as "1 client waits".
    private static func clients(_ count: Int) -> String {
        count == 1 ? "1 client waits" : "\(count) clients wait"
    }

    /// Returns the evidence that a program waits for a stuck program.
    func wait(_ edge: Finding.WaitEdge) -> String {
        "\(name(of: edge.waiter)) waits for \(names(of: edge.blockers)) to \(edge.action.rawValue)."
    }

    /// Returns the evidence that programs wait for each other.
    func cycle(
        _ kind: Finding.Kind, _ waits: [Finding.WaitEdge], _ connections: [[MachineSocket]],
        isCertain: Bool
    ) -> String {
        let proof =
            isCertain
            ? " No thread of these programs can continue until another of these programs does." : ""
        if kind == .bothWriting, let ends = connections.first, !ends.isEmpty {
            return bothFull(ends) + (ends.count > 1 ? proof : "")
        }
        if kind == .bothWaiting {
            return
                "No bytes are under way, and both ends wait for data, which is a deadlock if each"
                + " expects the other to send first." + proof
        }
        guard waits.count > 1 else { return "Only the program itself could end its wait." }
        return "Each program waits for the next, and the last program waits for the first.\(proof)"
    }

    // MARK: Causes and advice

    /// Returns a sentence that says what the first blocker of a wait is doing, and advice if there
    /// is a known remedy.
    ///
    /// The sentence has a leading space.
    func reason(_ blockers: [Int32], _ socket: MachineSocket?) -> (String, advice: String?) {
        guard let first = blockers.first, let process = machine.processes[first] else {
            return ("", nil)
        }
        let (activity, advice) = activity(of: process, socket)
        return (" \(process.description) \(activity).", advice)
    }

    /// Returns whether a signal or a debugger has stopped the process.
    func isHalted(_ process: Int32) -> Bool {
        let state = machine.processes[process]?.state
        return state == .stopped || state == .traced
    }

    /// Returns a sentence about the process at the end of a chain of waits, and advice if there is
    /// a known remedy.
    ///
    /// The sentence has a leading space.
    func end(at last: Int32) -> (String, advice: String?) {
        guard let process = machine.processes[last] else { return ("", nil) }
        let (activity, advice) = activity(of: process, nil)
        return (" The chain of waits ends at \(process.description), which \(activity).", advice)
    }

    /// Returns a sentence about the deadlock at the end of a chain of waits, with a leading space.
    func end(atCycle cycle: [Int32]) -> String {
        let names = cycle.map { name(of: $0) }.joined(separator: ", ")
        return " The chain of waits ends in the deadlock of \(names)."
    }

    private func activity(
        of process: MachineProcess, _ socket: MachineSocket?
    ) -> (String, advice: String?) {
        switch process.state {
        case .stopped:
            return ("has been stopped by a signal", "Let it continue: kill -CONT \(process.id)")
        case .traced:
            return ("is stopped by a debugger", "Let it continue, or detach the debugger.")
        case .uninterruptible:
            return ("waits for a disk or another device", nil)
        case .running:
            return ("is running, but does something else", nil)
        case .ended:
            return ("has ended", nil)
        case .sleeping, .unknown:
            break
        }
        guard let threads = process.threads else {
            return ("cannot be observed", nil)
        }
        let own = socket.map { Set(process.descriptors(of: $0.inode)) } ?? []
        let related = threads.compactMap(\.call).first { call in
            guard case .descriptors(let watched) = call.wakeCondition else { return false }
            return watched.contains { own.contains($0.descriptor) }
        }
        if let related { return (description(of: related, own), nil) }
        guard threads.count == 1 else {
            guard let socket else { return ("waits in \(threads.count) threads", nil) }
            let object = socket.isListening ? "this socket" : "this connection"
            return ("has \(threads.count) threads, and none of them waits for \(object)", nil)
        }
        guard let call = threads[0].call else {
            return ("is running, but does something else", nil)
        }
        return (description(of: call, []), nil)
    }

    /// Returns what a call waits for, as a phrase.
    private func description(of call: BlockedCall, _ own: Set<Int32>) -> String {
        switch call.wakeCondition {
        case .descriptors(let watched) where watched.count == 1:
            let verb = watched[0].interest == .writing ? "writes to" : "waits for"
            return "\(verb) descriptor \(watched[0].descriptor), in \(call.name)"
        case .descriptors(let watched):
            let interests = watched.filter { own.contains($0.descriptor) }.map(\.interest)
            let count = Set(watched.map(\.descriptor)).count
            guard !interests.isEmpty else {
                return "waits in \(call.name) for \(count) descriptors, but not for this one"
            }
            return interests.contains(.reading)
                ? "waits in \(call.name), but does not read what has arrived"
                : "waits in \(call.name) to write, but not to read"
        case .time: return "sleeps, in \(call.name)"
        case .thread: return "waits for a lock, in \(call.name)"
        case .child: return "waits for a child to exit, in \(call.name)"
        case .signal: return "waits for a signal, in \(call.name)"
        case .unknown: return "is in \(call.name)"
        }
    }

    /// Returns the name of the call in which an owner waits for its descriptor, or nil if no such
    /// call is visible.
    func call(of owner: Ownership.Owner, _ action: Finding.Action) -> String? {
        machine.processes[owner.process]?.threads?.compactMap(\.call).first { call in
            guard case .descriptors(let watched) = call.wakeCondition else { return false }
            return watched.contains {
                $0.descriptor == owner.descriptor
                    && (action == .accept || ($0.interest == .writing) == (action == .read))
            }
        }?.name
    }

    static let adviceToReadWhileWriting =
        "One end must read while it writes, with `exchange` or in another thread or task."

    static func advice(for kind: Finding.Kind) -> String {
        switch kind {
        case .bothWriting: adviceToReadWhileWriting
        case .bothWaiting:
            "One end must send first. Check whether its request was written, flushed and ended as"
                + " the other end expects."
        default:
            "One program must continue without the others, with a time limit or by reading and"
                + " writing at the same time."
        }
    }
}
