package import Sockets
internal import SystemPackage

/// Two samples of the whole machine, half a second or more apart, and what could not be observed.
package struct MachineSamples: Sendable {
    /// Something that could not be observed.
    package enum Gap: Hashable, Sendable {
        /// The kernel did not provide this list, but returned this error.
        case list(MachineSocket.List, Errno)
        /// A list changed while it was read, so entries may be missing.
        case changing(MachineSocket.List)
    }

    /// The first sample; nil if one sample was enough because nothing waited anywhere.
    package var earlier: Machine?
    package var later: Machine
    package var gaps: [Gap]
    /// The time that it took to take the samples.
    package var time: Duration
    /// The queues that were watched between the samples.
    private var changes = QueueChanges([])
    /// The lists that were read.
    private var lists: [MachineSocket.List] = []

    package init(
        earlier: Machine?, later: Machine, gaps: [Gap] = [], time: Duration = .zero
    ) {
        self.earlier = earlier
        self.later = later
        self.gaps = gaps
        self.time = time
    }

    /// The time between the samples.
    ///
    /// A verdict about a Unix socket needs queues that have not changed for half a second, so the
    /// samples are a little further apart.
    private static let interval = Duration.milliseconds(550)
    /// How many times Unix sockets are listed between the samples.
    private static let intermediateLists = 12
    /// The sampling time after which the machine is not watched any longer.
    static let longestTime = Duration.seconds(2)

    /// Takes samples of the machine's sockets and processes.
    ///
    /// This takes about half a second, or less if all sockets are quiet and no process waits.
    ///
    /// - Parameter lists: The lists of sockets to read.
    /// - Returns: The samples.
    /// - Throws: An error of the kernel if it provides no list of sockets or if `/proc` cannot be
    ///   read.
    package static func take(
        _ lists: [MachineSocket.List] = MachineSocket.List.streams
    ) throws(Errno) -> MachineSamples {
        let start = now
        var gaps: Set<Gap> = []
        var earlier = Machine(takenAt: start)
        earlier.sockets = try sockets(lists, &gaps)
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
        var samples = MachineSamples(earlier: earlier, later: earlier, gaps: sorted(gaps))
        (samples.changes, samples.lists) = (QueueChanges(earlier.sockets), lists)
        try samples.extend()
        return samples
    }

    /// Watches the machine for half a second more, and replaces the second sample.
    ///
    /// - Throws: An error of the kernel if it provides no list of sockets.
    mutating func extend() throws(Errno) {
        guard var earlier else { return }
        // Compare the processes with those of the previous sample, because a process may have run
        // after the first sample and got stuck then. The counts of read bytes still begin at the
        // first sample.
        earlier.processes = later.processes
        self.earlier = earlier
        Self.observe(from: later.takenAt, &changes)
        var gaps = Set(gaps)
        later = Machine(takenAt: Self.now)
        later.sockets = try Self.sockets(lists, &gaps)
        changes.add(later.sockets)
        changes.mark(&later.sockets)
        later.processes = earlier.processes
        Self.readThreads(of: &later)
        self.gaps = Self.sorted(gaps)
        time = Self.now - earlier.takenAt
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

    /// Waits until the time for the second sample.
    ///
    /// If any Unix socket has bytes in its queues, the Unix sockets are listed repeatedly
    /// meanwhile.
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

/// The times at which the queues of Unix sockets last changed, and how many bytes were read.
///
/// The queues have to be observed, because the kernel reports only how many bytes they contain.
struct QueueChanges {
    private struct Queues {
        var receiveQueue: Int?
        var sendQueue: Int?
        var since: Duration
        var read = 0

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

    /// A Boolean value that indicates whether there is no socket to observe.
    var isEmpty: Bool { queues.isEmpty }

    /// Records the queues that differ from the previous sample.
    mutating func add(_ sockets: [MachineSocket]) {
        for socket in sockets {
            var new = Queues(socket.statistics)
            guard let known = queues[socket.identity],
                known.receiveQueue != new.receiveQueue || known.sendQueue != new.sendQueue
            else { continue }
            new.read = known.read + max(0, (known.receiveQueue ?? 0) - (new.receiveQueue ?? 0))
            queues[socket.identity] = new
        }
    }

    /// Records in each socket how long its queues have not changed, and how many bytes were read.
    func mark(_ sockets: inout [MachineSocket]) {
        for index in sockets.indices {
            guard let known = queues[sockets[index].identity] else { continue }
            sockets[index].statistics.timeSinceQueuesChanged =
                max(.zero, sockets[index].statistics.takenAt - known.since)
            sockets[index].bytesRead = known.read
        }
    }

    private static func isOfInterest(_ socket: MachineSocket) -> Bool {
        socket.kind == .unix && !socket.isListening && !socket.isQuiet
    }
}
