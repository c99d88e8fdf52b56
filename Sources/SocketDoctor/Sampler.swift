package import Sockets
internal import SystemPackage

/// Two looks at the whole machine, a moment apart, and what could not be seen.
package struct Sampler: Sendable {
    /// Something that was not to be seen.
    package enum Gap: Hashable, Sendable {
        /// The kernel does not give this list.
        case list(MachineSocket.List, Errno)
        /// A list changed while it was read.
        case changing(MachineSocket.List)
    }

    /// Nil if one look was enough: nothing waited anywhere.
    package var earlier: Machine?
    package var later: Machine
    package var gaps: [Gap]
    /// How long it took.
    package var time: Duration

    package init(
        earlier: Machine?, later: Machine, gaps: [Gap] = [], time: Duration = .zero
    ) {
        self.earlier = earlier
        self.later = later
        self.gaps = gaps
        self.time = time
    }

    /// How long things are watched if anything waits: as long as a Unix socket's queues have to be the
    /// same for a verdict.
    private static let watching = Duration.milliseconds(550)
    /// How often a Unix socket is looked at meanwhile.
    private static let glances = 12

    /// Looks, which takes as long as something has to be watched: about half a second, and less if
    /// nothing waits anywhere.
    ///
    /// - Throws: what the kernel said, if it gives no list of sockets at all, or shows no programs.
    package static func make() throws(Errno) -> Sampler {
        let began = now
        var gaps: Set<Gap> = []
        var earlier = Machine(takenAt: began)
        earlier.sockets = try sockets(MachineSocket.List.allCases, &gaps)
        let processes = try MachineProcess.all()
        earlier.processes = Dictionary(processes.map { ($0.id, $0) }) { $1 }
        lookAtThreads(of: &earlier)

        let isQuiet =
            earlier.sockets.allSatisfy(\.isQuiet)
            && WaitClassifier(earlier: nil, now: earlier).waits.isEmpty
        guard !isQuiet else {
            return Sampler(earlier: nil, later: earlier, gaps: order(gaps), time: now - began)
        }
        var changes = Changes(earlier.sockets)
        watch(from: earlier.takenAt, &changes)
        var later = Machine(takenAt: now)
        later.sockets = try sockets(MachineSocket.List.allCases, &gaps)
        changes.add(later.sockets)
        changes.mark(&later.sockets)
        later.processes = earlier.processes
        lookAtThreads(of: &later)
        return Sampler(earlier: earlier, later: later, gaps: order(gaps), time: now - began)
    }

    private static var now: Duration { .nanoseconds(System.continuousNanoseconds()) }

    /// All that is told; fails if nothing is.
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

    /// Waits, and glances at Unix sockets meanwhile if any of them holds something.
    private static func watch(from start: Duration, _ changes: inout Changes) {
        while now - start < watching {
            let pause = min(watching / glances, watching - (now - start))
            var nobody: [PollRequest] = []
            try? System.poll(&nobody, milliseconds: Int32(pause / .milliseconds(1)) + 1)
            if changes.isWanted, let list = try? SocketList.read(.unix) {
                changes.add(list.sockets)
            }
        }
    }

    private static func lookAtThreads(of machine: inout Machine) {
        for (id, process) in machine.processes where process.descriptors?.isEmpty == false {
            machine.processes[id]?.lookAtThreads()
        }
    }

    private static func order(_ gaps: Set<Gap>) -> [Gap] {
        func rank(_ gap: Gap) -> Int {
            switch gap {
            case .list: 0
            case .changing: 1
            }
        }
        return gaps.sorted { (rank($0), "\($0)") < (rank($1), "\($1)") }
    }
}

/// Since when the queues of Unix sockets have been as they are: of their bytes the kernel counts only
/// those that wait.
struct Changes {
    private var queues:
        [MachineSocket.Identity: (receiveQueue: Int?, sendQueue: Int?, since: Duration)] =
            [:]

    init(_ sockets: [MachineSocket]) {
        for socket in sockets where Self.isOfInterest(socket) {
            let statistics = socket.statistics
            queues[socket.identity] = (
                statistics.receiveQueue, statistics.sendQueue, statistics.takenAt
            )
        }
    }

    /// Whether there is anything to look at.
    var isWanted: Bool { !queues.isEmpty }

    /// Takes in a further look.
    mutating func add(_ sockets: [MachineSocket]) {
        for socket in sockets {
            let statistics = socket.statistics
            guard let known = queues[socket.identity],
                known.receiveQueue != statistics.receiveQueue
                    || known.sendQueue != statistics.sendQueue
            else { continue }
            queues[socket.identity] = (
                statistics.receiveQueue, statistics.sendQueue, statistics.takenAt
            )
        }
    }

    /// Writes into the statistics of a look for how long they have been so.
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
