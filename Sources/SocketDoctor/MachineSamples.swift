package import Sockets
internal import SystemPackage

/// Two samples of the whole machine, a moment apart, and what could not be observed.
package struct MachineSamples: Sendable {
    /// Something that could not be observed.
    package enum Gap: Hashable, Sendable {
        /// The kernel does not provide this list.
        case list(MachineSocket.List, Errno)
        /// A list changed while it was read.
        case changing(MachineSocket.List)
    }

    /// The first sample; nil if one sample was enough because nothing waited anywhere.
    package var earlier: Machine?
    package var later: Machine
    package var gaps: [Gap]
    /// How long it took to take the samples.
    package var time: Duration

    package init(
        earlier: Machine?, later: Machine, gaps: [Gap] = [], time: Duration = .zero
    ) {
        self.earlier = earlier
        self.later = later
        self.gaps = gaps
        self.time = time
    }

    /// The time between the samples if anything waits: a verdict about a Unix socket needs queues that
    /// have not changed for this long.
    private static let interval = Duration.milliseconds(550)
    /// How many times Unix sockets are listed in between.
    private static let intermediateLists = 12

    /// Samples the machine, which takes about half a second, and less if nothing waits anywhere.
    ///
    /// - Throws: An error of the kernel if it provides no list of sockets at all, or no `/proc`.
    package static func take() throws(Errno) -> MachineSamples {
        let start = now
        var gaps: Set<Gap> = []
        var earlier = Machine(takenAt: start)
        earlier.sockets = try sockets(MachineSocket.List.allCases, &gaps)
        let processes = try MachineProcess.all()
        earlier.processes = Dictionary(processes.map { ($0.id, $0) }) { $1 }
        readThreads(of: &earlier)

        let isQuiet =
            earlier.sockets.allSatisfy(\.isQuiet)
            && WaitClassifier(earlier: nil, now: earlier).waits.isEmpty
        guard !isQuiet else {
            return MachineSamples(
                earlier: nil, later: earlier, gaps: sorted(gaps), time: now - start)
        }
        var changes = QueueChanges(earlier.sockets)
        observe(from: earlier.takenAt, &changes)
        var later = Machine(takenAt: now)
        later.sockets = try sockets(MachineSocket.List.allCases, &gaps)
        changes.add(later.sockets)
        changes.mark(&later.sockets)
        later.processes = earlier.processes
        readThreads(of: &later)
        return MachineSamples(
            earlier: earlier, later: later, gaps: sorted(gaps), time: now - start)
    }

    private static var now: Duration { .nanoseconds(System.continuousNanoseconds()) }

    /// Reads all lists that the kernel provides, and throws only if it provides none.
    private static func sockets(
        _ lists: [MachineSocket.List], _ gaps: inout Set<Gap>
    ) throws(Errno) -> [MachineSocket] {
        var all: [MachineSocket] = []
        var failure: Errno?
        var hasAny = false
        for list in lists {
            do throws(Errno) {
                let found = try SocketList.read(list)
                all += found.sockets
                hasAny = true
                if found.isInterrupted { gaps.insert(.changing(list)) }
            } catch {
                gaps.insert(.list(list, error))
                failure = error
            }
        }
        if !hasAny, let failure { throw failure }
        return all
    }

    /// Waits, and lists the Unix sockets in between if any of them holds bytes.
    private static func observe(from start: Duration, _ changes: inout QueueChanges) {
        while now - start < interval {
            let pause = min(interval / intermediateLists, interval - (now - start))
            var none: [PollRequest] = []
            try? System.poll(&none, milliseconds: Int32(pause / .milliseconds(1)) + 1)
            if !changes.isEmpty, let list = try? SocketList.read(.unix) {
                changes.add(list.sockets)
            }
        }
    }

    private static func readThreads(of machine: inout Machine) {
        for (id, process) in machine.processes where process.descriptors?.isEmpty == false {
            machine.processes[id]?.readThreads()
        }
    }

    private static func sorted(_ gaps: Set<Gap>) -> [Gap] {
        func rank(_ gap: Gap) -> Int {
            switch gap {
            case .list: 0
            case .changing: 1
            }
        }
        return gaps.sorted { (rank($0), "\($0)") < (rank($1), "\($1)") }
    }
}

/// The times at which the queues of Unix sockets last changed.
///
/// The kernel counts only the bytes that wait in them.
struct QueueChanges {
    private struct Queues {
        var receiveQueue: Int?
        var sendQueue: Int?
        var since: Duration

        init(_ statistics: ConnectionStatistics) {
            receiveQueue = statistics.receiveQueue
            sendQueue = statistics.sendQueue
            since = statistics.takenAt
        }
    }

    private var queues: [MachineSocket.Identity: Queues] = [:]

    init(_ sockets: [MachineSocket]) {
        for socket in sockets where Self.isOfInterest(socket) {
            queues[socket.identity] = Queues(socket.statistics)
        }
    }

    /// Whether there is no socket to observe.
    var isEmpty: Bool { queues.isEmpty }

    /// Adds a sample.
    mutating func add(_ sockets: [MachineSocket]) {
        for socket in sockets {
            let new = Queues(socket.statistics)
            guard let known = queues[socket.identity],
                known.receiveQueue != new.receiveQueue || known.sendQueue != new.sendQueue
            else { continue }
            queues[socket.identity] = new
        }
    }

    /// Sets in the statistics of a sample how long the queues have not changed.
    func mark(_ sockets: inout [MachineSocket]) {
        for index in sockets.indices {
            guard let known = queues[sockets[index].identity] else { continue }
            sockets[index].statistics.timeSinceQueuesChanged =
                max(.zero, sockets[index].statistics.takenAt - known.since)
        }
    }

    private static func isOfInterest(_ socket: MachineSocket) -> Bool {
        socket.kind == .unix && !socket.isListening && !socket.isQuiet
    }
}
