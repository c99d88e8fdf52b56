import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Findings about a machine")
struct AnalysisTests {
    /// Two processes with one connection.
    private func pair(
        _ kind: MachineSocket.Kind = .tcp, _ near: ConnectionStatistics? = nil,
        _ far: ConnectionStatistics? = nil
    ) -> ModelMachine {
        var model = ModelMachine()
        model.program(1, "client")
        model.program(2, "server")
        let quiet = kind == .tcp ? MeasuredStatistics.quiet() : MeasuredStatistics.unix()
        model.connect(1, 2, kind, statistics: (near ?? quiet, far ?? quiet))
        return model
    }

    /// Returns the statistics of a socket whose unread bytes arrived `time` ago.
    private func unread(_ bytes: Int = 5, for time: Duration = .seconds(3)) -> ConnectionStatistics
    {
        MeasuredStatistics.quiet(for: time).with { $0.receiveQueue = bytes }
    }

    @Test("idle connections of any age give no finding")
    func idle() {
        #expect(pair().analysis.findings.isEmpty)
        #expect(pair(.unix).analysis.findings.isEmpty)
        let long = MeasuredStatistics.quiet(for: .seconds(86_400))
        #expect(pair(.tcp, long, long).analysis.findings.isEmpty)
    }

    @Test("a transfer at full speed gives no finding")
    func flowing() {
        var samples = pair(.tcp, MeasuredStatistics.flowing(), unread(for: .zero)).samples()
        samples.earlier?.sockets[0].statistics.bytesAcknowledged! -= 1_000_000
        samples.earlier?.sockets[1].statistics.bytesReceived = -1_000_000
        #expect(Analysis(samples).findings.isEmpty)
    }

    @Test("a single sample gives no finding")
    func singleSample() {
        var samples = pair(.tcp, MeasuredStatistics.bothFull(), MeasuredStatistics.bothFull())
            .samples()
        samples.earlier = nil
        #expect(Analysis(samples).findings.isEmpty)
    }

    @Test("a connection that is newer than the first sample gives no finding")
    func fresh() {
        var samples = pair(.tcp, MeasuredStatistics.bothFull(), MeasuredStatistics.bothFull())
            .samples()
        samples.earlier?.sockets = []
        #expect(Analysis(samples).findings.isEmpty)
    }

    @Test("two ends with full queues are reported as `bothWriting`, for TCP and for Unix sockets")
    func bothWriting() throws {
        let tcp = try onlyFinding(
            in: pair(.tcp, MeasuredStatistics.bothFull(), MeasuredStatistics.bothFull()))
        #expect(tcp.kind == .bothWriting)
        #expect(tcp.stallDuration == .seconds(3))
        #expect(!tcp.isLowerBound)
        let full = MeasuredStatistics.unix(queued: 222_720, unread: 219_264, writable: false)
        let unix = try onlyFinding(in: pair(.unix, full, full))
        #expect(unix.kind == .bothWriting)
        #expect(unix.stallDuration == .seconds(1))
        #expect(unix.isLowerBound)
        for finding in [tcp, unix] {
            #expect(Set(finding.edges.map(\.waiter)) == [1, 2])
            #expect(finding.edges.allSatisfy { $0.action == .read })
            #expect(finding.evidence.contains("client[1]"))
            #expect(finding.evidence.contains("server[2]"))
        }
    }

    /// A process with a UDP socket whose queue has `unread` bytes.
    private func datagrams(_ unread: Int) -> ModelMachine {
        var model = ModelMachine()
        model.program(1, "dns")
        var socket = MachineSocket(.udp, cookie: 8, inode: 8, local: .ipv4(.any, port: 53))
        socket.statistics = MeasuredStatistics.unix(unread: unread)
        model.add(socket, to: 1)
        return model
    }

    @Test("a full UDP queue that stays unchanged while its program does not run gives a finding")
    func unreadDatagrams() throws {
        let finding = try onlyFinding(in: datagrams(200_000))
        #expect(finding.kind == .notReading)
        #expect(finding.isLikely)
        #expect(finding.blockers == [1])
        #expect(
            finding.evidence.hasPrefix(
                "The datagrams that dns[1] has not read fill its receive buffer (200000 of 212992 bytes),"
                    + " so the kernel drops new ones."))
    }

    @Test("a UDP socket gives no finding if its queue changes, is not full, or its program runs")
    func readDatagrams() {
        #expect(datagrams(100_000).analysis.findings.isEmpty)
        var changed = datagrams(200_000).samples()
        changed.earlier?.sockets[0].statistics.receiveQueue = 199_000
        #expect(Analysis(changed).findings.isEmpty)
        var running = datagrams(200_000).samples()
        running.later.processes[1]?.runCounter = 2
        #expect(Analysis(running).findings.isEmpty)
    }

    @Test("an unchanged Unix queue gives no finding if both processes ran between the samples")
    func conversation() throws {
        let (one, other) = (
            MeasuredStatistics.unix(queued: 768), MeasuredStatistics.unix(unread: 64)
        )
        let model = pair(.unix, one, other)
        #expect(try onlyFinding(in: model).kind == .peerNotReading)
        var samples = model.samples()
        samples.earlier?.processes[1]?.runCounter = 0
        #expect(Analysis(samples).findings.count == 1)
        samples.earlier?.processes[2]?.runCounter = 0
        #expect(Analysis(samples).findings.isEmpty)
        // If the kernel does not count run time, a finding requires that the threads stay in the
        // same calls.
        var uncounted = model.samples()
        for id: Int32 in 1...2 {
            uncounted.earlier?.processes[id]?.runCounter = nil
            uncounted.later.processes[id]?.runCounter = nil
        }
        #expect(Analysis(uncounted).findings.count == 1)
        for id: Int32 in 1...2 { uncounted.later.processes[id]?.threads = nil }
        #expect(Analysis(uncounted).findings.isEmpty)
    }

    @Test(
        "a Unix reader that read some bytes gives no finding, even if the send queue is unchanged")
    func slowUnix() {
        let model = pair(
            .unix, MeasuredStatistics.unix(queued: 222_720, writable: false),
            MeasuredStatistics.unix(unread: 200_000))
        #expect(model.analysis.findings.map(\.kind) == [.peerNotReading])
        var samples = model.samples()
        samples.later.sockets[1].statistics.timeSinceQueuesChanged = .milliseconds(80)
        #expect(Analysis(samples).findings.isEmpty)
        samples = model.samples()
        samples.earlier?.sockets[1].statistics.receiveQueue = 0
        samples.later.sockets[1].statistics.timeSinceQueuesChanged = nil
        #expect(Analysis(samples).findings.isEmpty)
    }

    @Test("a full send queue gives a `peerNotReading` finding that names the peer's call")
    func peerNotReading() throws {
        var model = pair(.tcp, MeasuredStatistics.peerFull(), unread(128_000))
        model.wait(2, in: BlockedCall("clock_nanosleep", .time, hasTimeout: true))
        let found = try onlyFinding(in: model)
        #expect(found.kind == .peerNotReading)
        #expect(found.edges.map(\.waiter) == [1])
        #expect(found.edges.map(\.blockers) == [[2]])
        #expect(found.blockers == [2])
        #expect(found.connections[0][0].statistics.sendQueue ?? 0 > 0)
        #expect(
            found.evidence.hasSuffix(
                "server[2] sleeps, in clock_nanosleep. No byte was read in the last 1 s, but a program"
                    + " that reads less often looks the same."))
        // A stopped program certainly does not read.
        model.change(2) { $0.state = .stopped }
        #expect(try !onlyFinding(in: model).evidence.contains("No byte was read"))
    }

    @Test("the finding about a stopped peer is `certain` and says how to continue the process")
    func stopped() throws {
        var model = pair(.tcp, MeasuredStatistics.peerFull(), unread(128_000))
        model.change(2) {
            $0.state = .stopped
            $0.threads = nil
        }
        let found = try onlyFinding(in: model)
        #expect(found.kind == .peerNotReading)
        #expect(found.confidence == .certain)
        #expect(found.advice == "Let it continue: kill -CONT 2")
    }

    @Test("unread bytes give a finding about their reader after 3 s, but not after 0.3 s")
    func notReading() throws {
        let found = try onlyFinding(in: pair(.tcp, nil, unread()))
        #expect(found.kind == .notReading)
        #expect(found.blockers == [2])
        #expect(found.evidence.hasPrefix("5 bytes have waited for 3 s for server[2] to read them."))
        #expect(pair(.tcp, nil, unread(for: .milliseconds(300))).analysis.findings.isEmpty)
    }

    @Test("repeated retransmissions without an answer are reported as `networkLost`")
    func networkLost() throws {
        var model = ModelMachine()
        model.program(1, "client")
        model.add(
            MachineSocket(
                .tcp, cookie: 5, inode: 6, remote: .ipv4(IPv4Address(192, 0, 2, 7), port: 80),
                statistics: MeasuredStatistics.cut(5)), to: 1)
        let found = try onlyFinding(in: model)
        #expect(found.kind == .networkLost)
        #expect(found.confidence == .certain)
    }

    @Test("unanswered data gives a `peerNotReading` finding if the buffer of a local peer is full")
    func unansweredByReader() throws {
        let found = try onlyFinding(in: pair(.tcp, MeasuredStatistics.cut(5), unread(128_000)))
        #expect(found.kind == .peerNotReading)
        #expect(found.evidence.contains("server[2] leaves 128000 bytes unread"))
        #expect(found.advice == "The program must read, because nothing else empties the buffer.")
        for far in [nil, unread(1)] {
            let lost = try onlyFinding(in: pair(.tcp, MeasuredStatistics.cut(5), far))
            #expect(lost.kind == .networkLost)
            #expect(lost.advice.hasPrefix("Check the firewall of this machine"))
        }
    }

    @Test("a remote peer that does not read is detected from the local end")
    func remote() throws {
        var model = ModelMachine()
        model.program(1, "client")
        model.add(
            MachineSocket(.tcp, cookie: 5, inode: 6, statistics: MeasuredStatistics.peerFull()),
            to: 1)
        let found = try onlyFinding(in: model)
        #expect(found.kind == .peerNotReading)
        #expect(found.edges.map(\.blockers) == [[]])
        #expect(found.evidence.hasPrefix("client[1]: "))
    }

    @Test("unsent bytes of a closed socket without an owner give no finding")
    func orphan() {
        var model = ModelMachine()
        model.add(
            MachineSocket(
                .tcp, cookie: 5, inode: 0,
                statistics: MeasuredStatistics.peerFull().with { $0.state = .finWait1 }))
        #expect(model.analysis.findings.isEmpty)
    }

    @Test("each connection is listed once, with both ends if both ends are local")
    func connections() {
        var model = pair()
        model.connect(2, 1, .unix)
        let alone = MachineSocket(
            .tcp, cookie: 5, inode: 6, local: .ipv4(.loopback, port: 4000),
            remote: .ipv4(.loopback, port: 80), statistics: MeasuredStatistics.quiet())
        model.add(alone, to: 1)
        var ownerless = alone
        (ownerless.inode, ownerless.identity.cookie) = (0, 6)
        ownerless.local = .ipv4(.loopback, port: 4001)
        model.add(ownerless)
        #expect(model.analysis.connections.map(\.count) == [1, 2, 2])
    }

    @Test("hidden(in:) counts sockets with hidden owners and processes with hidden calls")
    func hidden() {
        var model = pair()
        #expect(model.analysis.hidden(in: model.analysis.connections) == (0, 0))
        model.change(1) { $0.threads = nil }
        model.change(2) { $0.descriptors = nil }
        let analysis = model.analysis
        #expect(analysis.hidden(in: analysis.connections) == (1, 1))
        #expect(analysis.hidden(in: []) == (0, 0))
    }

    @Test("the order of the kernel's lists does not change the findings", arguments: 0..<40)
    func order(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var model = ModelMachine()
        for id in 1...6 { model.program(Int32(id), "p\(id)") }
        model.change(6) { $0.state = .stopped }
        let kinds = [
            (MeasuredStatistics.quiet(), MeasuredStatistics.quiet()),
            (MeasuredStatistics.bothFull(), MeasuredStatistics.bothFull()),
            (MeasuredStatistics.peerFull(), unread(128_000)),
            (MeasuredStatistics.quiet(), unread()),
        ]
        for _ in 0..<Int.random(in: 1...12, using: &generator) {
            let (one, two) = (
                Int32.random(in: 1...6, using: &generator),
                Int32.random(in: 1...6, using: &generator)
            )
            let (near, far) = model.connect(
                one, two, statistics: kinds.randomElement(using: &generator))
            if Bool.random(using: &generator) { model.read(one, near) }
            if Bool.random(using: &generator) { model.write(two, far) }
        }
        let samples = model.samples()
        var shuffled = samples
        shuffled.earlier?.sockets.shuffle(using: &generator)
        shuffled.later.sockets.shuffle(using: &generator)
        let (one, other) = (Analysis(samples).findings, Analysis(shuffled).findings)
        #expect(one.map(\.kind) == other.map(\.kind))
        #expect(one.map(\.evidence) == other.map(\.evidence))
        #expect(one.map(\.edges) == other.map(\.edges))
        #expect(
            one.map { $0.connections.map { $0.map(\.identity) } }
                == other.map { $0.connections.map { $0.map(\.identity) } })
    }
}
