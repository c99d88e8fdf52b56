import Glibc
import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Samples of the machine", .ownThread)
struct MachineSamplesTests {
    @Test("a connection with unread bytes is reported with the process that should read")
    func notReading() throws {
        let (client, server) = try Loopback.tcpPair()
        try client.sendAll("hello")
        let ours = getpid()
        // The kernel counts the time since the bytes arrived, and a finding needs half a second.
        var found: Finding?
        for _ in 0..<5 where found == nil {
            let analysis = Analysis(try MachineSamples.take())
            found = analysis.findings.first { finding in
                finding.connections.joined().contains { $0.local == client.localAddress }
            }
        }
        #expect(found?.kind == .notReading)
        #expect(found?.blockers == [ours])
        withExtendedLifetime(server) {}
    }

    @Test("extend() keeps the sockets of the first sample and the processes of the previous sample")
    func extended() throws {
        let (client, server) = try Loopback.tcpPair()
        try client.sendAll("hello")
        var samples = try MachineSamples.take()
        let first = try #require(samples.earlier)
        let previous = samples.later
        try samples.extend()
        #expect(samples.earlier?.sockets == first.sockets)
        #expect(samples.earlier?.processes == previous.processes)
        #expect(samples.later.takenAt > previous.takenAt)
        #expect(samples.time >= .seconds(1))
        withExtendedLifetime(server) {}
    }

    @Test("the time since a queue changed starts at the first sample that shows the change")
    func changes() {
        func socket(_ time: Int, queued: Int) -> MachineSocket {
            MachineSocket(
                .unix, cookie: 1, inode: 2,
                statistics: MeasuredStatistics.unix(queued: queued).with {
                    $0.takenAt = .milliseconds(time)
                })
        }
        var changes = QueueChanges([socket(0, queued: 5)])
        #expect(!changes.isEmpty)
        changes.add([socket(100, queued: 5)])
        changes.add([socket(200, queued: 6)])
        changes.add([socket(300, queued: 6)])
        var last = [socket(500, queued: 6)]
        changes.mark(&last)
        #expect(last[0].statistics.timeSinceQueuesChanged == .milliseconds(300))
    }

    @Test("QueueChanges ignores TCP sockets, and it ignores Unix sockets whose queues are empty")
    func quiet() {
        let unix = MachineSocket(.unix, cookie: 1, inode: 2, statistics: MeasuredStatistics.unix())
        let tcp = MachineSocket(
            .tcp, cookie: 1, inode: 2, statistics: MeasuredStatistics.peerFull())
        #expect(QueueChanges([unix, tcp]).isEmpty)
        var last = [unix]
        QueueChanges([unix]).mark(&last)
        #expect(last[0].statistics.timeSinceQueuesChanged == nil)
    }
}
