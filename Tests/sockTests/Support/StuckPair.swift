import SocketDoctor
import Sockets

/// A modelled machine with a client that writes to a stopped server.
enum StuckPair {
    static let client: Int32 = 4711
    static let server: Int32 = 4712

    /// The analysis of both samples.
    ///
    /// Tests choose the name of the client.
    static func analysis(
        clientName: String = "client", state: MachineProcess.State = .stopped
    ) -> Analysis {
        Analysis(samples(clientName: clientName, state: state))
    }

    static func samples(
        clientName: String = "client", state: MachineProcess.State = .stopped
    ) -> MachineSamples {
        let machine = machine(clientName, state)
        var earlier = machine
        earlier.takenAt -= .seconds(1)
        for index in earlier.sockets.indices {
            earlier.sockets[index].statistics.takenAt -= .seconds(1)
        }
        return MachineSamples(earlier: earlier, later: machine, time: .seconds(1))
    }

    private static func machine(_ clientName: String, _ state: MachineProcess.State) -> Machine {
        let (here, there) = (
            SocketAddress.ipv4(.loopback, port: 40_000), SocketAddress.ipv4(.loopback, port: 5432)
        )
        var near = MachineSocket(
            .tcp, cookie: 1, inode: 101, local: here, remote: there, statistics: quiet())
        var far = MachineSocket(
            .tcp, cookie: 2, inode: 102, local: there, remote: here, statistics: quiet())
        if state == .stopped {
            (near.statistics.sendQueue, near.statistics.notSent) = (2_000_000, 2_000_000)
            near.statistics.sendWindow = 0
            near.statistics.sendBufferSize = 2_626_560
            far.statistics.receiveQueue = 65_536
            far.statistics.receiveBufferSize = 131_072
        }
        return Machine(
            takenAt: .seconds(100), sockets: [near, far],
            processes: [
                MachineProcess(
                    id: client, name: clientName, descriptors: [3: .socket(inode: 101)],
                    threads: [
                        MachineThread(
                            id: client,
                            call: BlockedCall("sendto", .descriptors([.init(3, .writing)])),
                            runCounter: 5)
                    ]),
                MachineProcess(
                    id: server, name: "server", state: state,
                    descriptors: [4: .socket(inode: 102)]),
            ])
    }

    private static func quiet() -> ConnectionStatistics {
        var statistics = ConnectionStatistics(takenAt: .seconds(100))
        statistics.state = .established
        (statistics.sendQueue, statistics.notSent, statistics.receiveQueue) = (0, 0, 0)
        (statistics.timeSinceLastSend, statistics.timeSinceLastReceive) = (
            .seconds(12), .seconds(12)
        )
        statistics.sendSegmentSize = 1448
        statistics.unacknowledgedSegments = 0
        statistics.sendWindow = 65_536
        return statistics
    }
}
