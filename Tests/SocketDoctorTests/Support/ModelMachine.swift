import Testing

@testable import SocketDoctor
@testable import Sockets

/// A modelled machine: its processes, the connections between them, and the calls in which they
/// wait.
struct ModelMachine {
    private(set) var sockets: [MachineSocket] = []
    private(set) var processes: [Int32: MachineProcess] = [:]
    private var number: UInt32 = 100

    /// Adds a process with one thread, which runs until a test makes it wait.
    mutating func program(
        _ id: Int32, _ name: String = "program", state: MachineProcess.State = .sleeping,
        parent: Int32 = 0
    ) {
        processes[id] = MachineProcess(
            id: id, name: name, parent: parent, state: state,
            threads: [MachineThread(id: id, runCounter: 1)])
        processes[id]?.runCounter = 1
    }

    /// Makes the first thread of a process wait, or adds a waiting thread if `further` is true.
    mutating func wait(_ id: Int32, in call: BlockedCall, further: Bool = false) {
        var threads = processes[id]?.threads ?? []
        if further || threads.isEmpty {
            threads.append(
                MachineThread(id: id + 1000 * Int32(threads.count), call: call, runCounter: 1))
        } else {
            threads[0].call = call
        }
        processes[id]?.threads = threads
    }

    /// Makes a process wait to read from a descriptor.
    mutating func read(_ id: Int32, _ descriptor: Int32, further: Bool = false) {
        wait(
            id, in: BlockedCall("recvfrom", .descriptors([.init(descriptor, .reading)])),
            further: further)
    }

    mutating func write(_ id: Int32, _ descriptor: Int32, further: Bool = false) {
        wait(
            id, in: BlockedCall("sendto", .descriptors([.init(descriptor, .writing)])),
            further: further)
    }

    mutating func change(_ id: Int32, _ body: (inout MachineProcess) -> Void) {
        if processes[id] != nil { body(&processes[id]!) }
    }

    /// Adds a connection between two processes and returns their descriptors.
    @discardableResult
    mutating func connect(
        _ one: Int32, _ other: Int32, _ kind: MachineSocket.Kind = .tcp,
        statistics: (ConnectionStatistics, ConnectionStatistics)? = nil
    ) -> (Int32, Int32) {
        number += 2
        let inodes = (number, number + 1)
        let quiet = kind == .tcp ? MeasuredStatistics.quiet() : MeasuredStatistics.unix()
        let addresses: [SocketAddress] =
            kind == .tcp
            ? [
                .ipv4(.loopback, port: UInt16(number + 20_000)),
                .ipv4(.loopback, port: UInt16(number + 1)),
            ] : [.unnamed, .unnamed]
        var near = MachineSocket(
            kind, cookie: UInt64(inodes.0), inode: inodes.0, local: addresses[0],
            remote: addresses[1], statistics: statistics?.0 ?? quiet)
        var far = MachineSocket(
            kind, cookie: UInt64(inodes.1), inode: inodes.1, local: addresses[1],
            remote: addresses[0], statistics: statistics?.1 ?? quiet)
        if kind == .unix { (near.peerInode, far.peerInode) = (inodes.1, inodes.0) }
        sockets += [near, far]
        return (open(one, inodes.0), open(other, inodes.1))
    }

    /// Adds a socket, and a descriptor that refers to it if `id` is not nil.
    @discardableResult
    mutating func add(_ socket: MachineSocket, to id: Int32? = nil) -> Int32 {
        sockets.append(socket)
        return id.map { open($0, socket.inode) } ?? -1
    }

    /// Adds a descriptor to a process.
    mutating func open(_ id: Int32, _ inode: UInt32) -> Int32 {
        open(id, .socket(inode: inode))
    }

    mutating func open(_ id: Int32, _ target: MachineProcess.DescriptorTarget) -> Int32 {
        let descriptor = Int32(processes[id]?.descriptors?.count ?? 0) + 3
        processes[id]?.descriptors?[descriptor] = target
        return descriptor
    }

    var machine: Machine {
        Machine(takenAt: .seconds(100), sockets: sockets, processes: Array(processes.values))
    }

    /// Returns two samples, `time` apart, between which nothing changed.
    func samples(over time: Duration = .seconds(1)) -> MachineSamples {
        var (earlier, later) = (machine, machine)
        earlier.takenAt -= time
        earlier.sockets = earlier.sockets.map { socket in
            var socket = socket
            socket.statistics = socket.statistics.before(time)
            return socket
        }
        later.sockets = later.sockets.map { socket in
            var socket = socket
            if socket.kind == .unix { socket.statistics.timeSinceQueuesChanged = time }
            return socket
        }
        return MachineSamples(earlier: earlier, later: later, time: time)
    }

    var analysis: Analysis { Analysis(samples()) }
}

/// Returns the finding of a model that must have exactly one.
func onlyFinding(
    in model: ModelMachine, sourceLocation: SourceLocation = #_sourceLocation
) throws -> Finding {
    let findings = model.analysis.findings
    #expect(findings.count == 1, "\(findings.map(\.kind))", sourceLocation: sourceLocation)
    return try #require(findings.first, sourceLocation: sourceLocation)
}
