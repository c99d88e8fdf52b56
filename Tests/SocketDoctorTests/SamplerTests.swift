import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Two looks at the machine", .ownThread)
struct SurveyTests {
    @Test("a connection whose reader does not read is found, with its owner")
    func notReading() throws {
        let (client, server) = try Loopback.tcpPair()
        try client.sendAll("hello")
        let ours = System.getpid()
        // The kernel counts the time since it came, and half a second is what it takes.
        var found: Finding?
        for _ in 0..<5 where found == nil {
            let examination = Analysis(try Sampler.make())
            found = examination.ailments.first { ailment in
                ailment.connections.joined().contains { $0.local == client.localAddress }
            }
        }
        #expect(found?.kind == .notReading)
        #expect(found?.culprits == [ours])
        withExtendedLifetime(server) {}
    }

    @Test("a queue that has changed once since the first look has been so for less time")
    func changes() {
        func socket(_ time: Int, queued: Int) -> MachineSocket {
            MachineSocket(
                .unix, cookie: 1, inode: 2,
                statistics: MeasuredStatistics.unix(queued: queued).with {
                    $0.takenAt = .milliseconds(time)
                })
        }
        var changes = Changes([socket(0, queued: 5)])
        #expect(changes.isWanted)
        changes.add([socket(100, queued: 5)])
        changes.add([socket(200, queued: 6)])
        changes.add([socket(300, queued: 6)])
        var last = [socket(500, queued: 6)]
        changes.mark(&last)
        #expect(last[0].statistics.timeSinceQueuesChanged == .milliseconds(300))
    }

    @Test("sockets in which nothing waits need no glance")
    func quiet() {
        let unix = MachineSocket(.unix, cookie: 1, inode: 2, statistics: MeasuredStatistics.unix())
        let tcp = MachineSocket(
            .tcp, cookie: 1, inode: 2, statistics: MeasuredStatistics.peerFull())
        #expect(!Changes([unix, tcp]).isWanted)
        var last = [unix]
        Changes([unix]).mark(&last)
        #expect(last[0].statistics.timeSinceQueuesChanged == nil)
    }
}
