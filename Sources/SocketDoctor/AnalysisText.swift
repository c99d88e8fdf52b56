internal import Sockets

/// The sentences of an examination.
///
/// Names of programs are strangers' text, so they are escaped here already.
struct AnalysisText {
    private let machine: Machine
    private let ownership: Ownership

    init(_ machine: Machine, _ ownership: Ownership) {
        self.machine = machine
        self.ownership = ownership
    }

    // MARK: Who

    /// "python3[4711]"
    func name(of process: Int32) -> String {
        machine.processes[process]?.description ?? "PID \(process)"
    }

    /// Several of them: "a[1] or b[2]".
    func names(of processes: [Int32]) -> String {
        processes.isEmpty
            ? "a program that we may not see"
            : processes.map { name(of: $0) }.joined(separator: " or ")
    }

    /// Whoever has one end; of another machine its address.
    func owner(of socket: MachineSocket) -> String {
        names(of: Set(ownership.owners(of: socket).map(\.process)).sorted())
    }

    // MARK: What was measured

    /// Of an end that cannot get rid of its bytes.
    func full(
        _ writer: MachineSocket, _ reader: MachineSocket?, _ finding: StallReport
    ) -> String {
        guard let reader else { return "\(owner(of: writer)): \(finding.evidence)" }
        return "\(waiting(writer, for: reader))."
    }

    /// Both ends of a connection.
    func bothFull(_ ends: [MachineSocket]) -> String {
        guard ends.count == 2 else {
            let end = ends[0]
            return "\(owner(of: end)) cannot get rid of \(amount(end)), and leaves"
                + " \((end.statistics.receiveQueue ?? 0).bytes) of its peer unread."
        }
        return "\(waiting(ends[0], for: ends[1])), and \(waiting(ends[1], for: ends[0]))."
    }

    private func waiting(_ writer: MachineSocket, for reader: MachineSocket) -> String {
        let unread = (reader.statistics.receiveQueue ?? 0).bytes
        return "\(owner(of: writer)) cannot get rid of \(amount(writer)), because"
            + " \(owner(of: reader)) leaves \(unread) unread"
    }

    private func amount(_ socket: MachineSocket) -> String {
        let queued = max(socket.statistics.sendQueue ?? 0, socket.statistics.notSent ?? 0)
        return queued.bytes
    }

    /// Of an end that does not read.
    func unread(_ reader: MachineSocket) -> String {
        let time =
            reader.statistics.timeSinceLastReceive.map { " for \($0.brief)" }
            ?? reader.statistics.timeSinceQueuesChanged.map { " for \($0.brief) or longer" } ?? ""
        let unread = reader.statistics.receiveQueue ?? 0
        return
            "\(unread.bytes) \(unread == 1 ? "has" : "have") waited\(time) for \(owner(of: reader))"
            + " to read them."
    }

    /// Of a socket that listens.
    func unaccepted(_ listener: MachineSocket, isFull: Bool) -> String {
        let who = listener.callers == 1 ? "1 caller waits" : "\(listener.callers) callers wait"
        let room = isFull ? ", and there is room for no more" : ""
        return "\(who) for \(owner(of: listener)) to accept\(room)."
    }

    /// Of a program that waits for one that cannot go on.
    func waits(_ link: Finding.Link) -> String {
        "\(name(of: link.waiter)) waits for \(names(of: link.others)) to \(link.deed.rawValue)."
    }

    /// Of a knot.
    func circle(
        _ kind: Finding.Kind, _ round: [Finding.Link], _ connections: [[MachineSocket]],
        isCertain: Bool
    ) -> String {
        let sure = isCertain ? " No thread of theirs can go on without the others." : ""
        if kind == .bothWriting, let ends = connections.first, !ends.isEmpty {
            return bothFull(ends) + (ends.count > 1 ? sure : "")
        }
        if kind == .bothWaiting {
            return "Nothing is under way in either direction, and both ends read." + sure
        }
        guard round.count > 1 else {
            return "Whatever would end the wait, the program would have to do itself."
        }
        return "Each waits for the next, and the last for the first.\(sure)"
    }

    // MARK: Why, and what to do

    /// What those do instead who would have to act, as a sentence with a space before it; and what
    /// helps, if that is plain.
    func reason(_ culprits: [Int32], _ socket: MachineSocket?) -> (String, advice: String?) {
        guard let first = culprits.first, let process = machine.processes[first] else {
            return ("", nil)
        }
        let (deed, advice) = occupation(of: process, socket)
        return (" \(process.description) \(deed).", advice)
    }

    /// Whether somebody has stopped it.
    func isHalted(_ process: Int32) -> Bool {
        let state = machine.processes[process]?.state
        return state == .stopped || state == .traced
    }

    /// Where a chain ends, as a sentence with a space before it.
    func end(at last: Int32) -> (String, advice: String?) {
        guard let process = machine.processes[last] else { return ("", nil) }
        let (deed, advice) = occupation(of: process, nil)
        return (" In the end all wait for \(process.description), which \(deed).", advice)
    }

    /// The same of a chain that ends in a circle.
    func end(atKnot knot: [Int32]) -> String {
        " In the end all wait for the circle of \(knot.map { name(of: $0) }.joined(separator: ", "))."
    }

    private func occupation(
        of process: MachineProcess, _ socket: MachineSocket?
    ) -> (String, advice: String?) {
        switch process.state {
        case .stopped:
            return (
                "has been stopped by a signal", "Let it go on: kill -CONT \(process.id)"
            )
        case .traced:
            return ("is stopped by a debugger", "Let it go on, or detach the debugger.")
        case .uninterruptible:
            return ("waits for a disk or another device", nil)
        case .running:
            return ("is running, and does something else", nil)
        case .ended:
            return ("has ended", nil)
        case .sleeping, .unknown:
            break
        }
        guard let threads = process.threads else {
            return ("does something that we may not see", nil)
        }
        let own = socket.map { Set(process.descriptors(of: $0.inode)) } ?? []
        let touching = threads.compactMap(\.call).first { call in
            guard case .descriptors(let watched) = call.waiting else { return false }
            return watched.contains { own.contains($0.descriptor) }
        }
        if let touching { return (doing(touching, own), nil) }
        guard threads.count == 1 else {
            return (
                "has \(threads.count) threads, and none of them waits for"
                    + " \(socket == nil ? "it" : "this connection")", nil
            )
        }
        guard let call = threads[0].call else {
            return ("is running, and does something else", nil)
        }
        return (doing(call, []), nil)
    }

    /// What a call waits for, in a phrase.
    private func doing(_ call: BlockedCall, _ own: Set<Int32>) -> String {
        switch call.waiting {
        case .descriptors(let watched) where watched.count == 1:
            let verb = watched[0].wish == .writing ? "writes to" : "waits for"
            return "\(verb) descriptor \(watched[0].descriptor), in \(call.name)"
        case .descriptors(let watched):
            let mine = watched.filter { own.contains($0.descriptor) }.map(\.wish)
            let count = Set(watched.map(\.descriptor)).count
            guard !mine.isEmpty else {
                return "waits in \(call.name) for \(count) descriptors, and not for this one"
            }
            return mine.contains(.reading)
                ? "waits in \(call.name), and does not take what is there"
                : "waits in \(call.name) to write to it, and not to read"
        case .time: return "sleeps, in \(call.name)"
        case .thread: return "waits for a lock, in \(call.name)"
        case .child: return "waits for a child to end, in \(call.name)"
        case .signal: return "waits for a signal, in \(call.name)"
        case .unknown: return "is in \(call.name)"
        }
    }

    /// The call in which an owner waits for his descriptor, where that is seen.
    func call(of owner: Ownership.Owner, _ deed: Finding.Deed) -> String? {
        machine.processes[owner.process]?.threads?.compactMap(\.call).first { call in
            guard case .descriptors(let watched) = call.waiting else { return false }
            return watched.contains {
                $0.descriptor == owner.descriptor
                    && (deed == .accept || ($0.wish == .writing) == (deed == .read))
            }
        }?.name
    }

    static let adviceToReadWhileWriting =
        "One of them has to read while it writes: in another thread or task, or with `exchange`."

    static func advice(for kind: Finding.Kind) -> String {
        switch kind {
        case .bothWriting: adviceToReadWhileWriting
        case .bothWaiting:
            "One of them has to speak first: see whose request was not written, flushed or ended as"
                + " the other expects."
        default:
            "One of them has to go on without the others: with a time limit, or by reading and"
                + " writing at the same time."
        }
    }
}
