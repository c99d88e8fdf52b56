import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("What is stuck on a machine")
struct ExaminationTests {
    /// Two programs with one connection.
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

    private func only(_ model: ModelMachine) throws -> Finding {
        let ailments = model.examination.ailments
        #expect(ailments.count == 1, "\(ailments.map(\.kind))")
        return try #require(ailments.first)
    }

    /// Received and not read since so long.
    private func unread(_ bytes: Int = 5, for time: Duration = .seconds(3)) -> ConnectionStatistics
    {
        MeasuredStatistics.quiet(for: time).with { $0.receiveQueue = bytes }
    }

    @Test("nothing is stuck where nothing waits, however long")
    func idle() {
        #expect(pair().examination.ailments.isEmpty)
        #expect(pair(.unix).examination.ailments.isEmpty)
        let long = MeasuredStatistics.quiet(for: .seconds(86_400))
        #expect(pair(.tcp, long, long).examination.ailments.isEmpty)
    }

    @Test("a transfer at full speed is not stuck")
    func flowing() {
        var survey = pair(.tcp, MeasuredStatistics.flowing(), unread(for: .zero)).survey()
        survey.earlier?.sockets[0].statistics.bytesAcknowledged! -= 1_000_000
        survey.earlier?.sockets[1].statistics.bytesReceived = -1_000_000
        #expect(Analysis(survey).ailments.isEmpty)
    }

    @Test("one look is not enough for a verdict")
    func oneLook() {
        var survey = pair(.tcp, MeasuredStatistics.bothFull(), MeasuredStatistics.bothFull())
            .survey()
        survey.earlier = nil
        #expect(Analysis(survey).ailments.isEmpty)
    }

    @Test("a connection that is newer than the first look is not judged")
    func fresh() {
        var survey = pair(.tcp, MeasuredStatistics.bothFull(), MeasuredStatistics.bothFull())
            .survey()
        survey.earlier?.sockets = []
        #expect(Analysis(survey).ailments.isEmpty)
    }

    @Test("both ends full is a deadlock, over TCP and Unix")
    func bothWriting() throws {
        let tcp = try only(pair(.tcp, MeasuredStatistics.bothFull(), MeasuredStatistics.bothFull()))
        #expect(tcp.kind == .bothWriting)
        #expect(tcp.still == .seconds(3))
        #expect(!tcp.isAtLeast)
        let full = MeasuredStatistics.unix(queued: 222_720, unread: 219_264, writable: false)
        let unix = try only(pair(.unix, full, full))
        #expect(unix.kind == .bothWriting)
        #expect(unix.still == .seconds(1))
        #expect(unix.isAtLeast)
        for ailment in [tcp, unix] {
            #expect(Set(ailment.links.map(\.waiter)) == [1, 2])
            #expect(ailment.links.allSatisfy { $0.deed == .read })
            #expect(ailment.evidence.contains("client[1]"))
            #expect(ailment.evidence.contains("server[2]"))
        }
    }

    @Test("a Unix queue that is the same at both looks, while both ends run, is a conversation")
    func conversation() throws {
        let (one, other) = (
            MeasuredStatistics.unix(queued: 768), MeasuredStatistics.unix(unread: 64)
        )
        let model = pair(.unix, one, other)
        #expect(try only(model).kind == .peerNotReading)
        var survey = model.survey()
        survey.earlier?.processes[1]?.turns = 0
        #expect(Analysis(survey).ailments.count == 1)
        survey.earlier?.processes[2]?.turns = 0
        #expect(Analysis(survey).ailments.isEmpty)
        // Where the kernel does not count, what the threads wait for has to be the same.
        var uncounted = model.survey()
        for id: Int32 in 1...2 {
            uncounted.earlier?.processes[id]?.turns = nil
            uncounted.later.processes[id]?.turns = nil
        }
        #expect(Analysis(uncounted).ailments.count == 1)
        for id: Int32 in 1...2 { uncounted.later.processes[id]?.threads = nil }
        #expect(Analysis(uncounted).ailments.isEmpty)
    }

    @Test("a Unix reader that has taken some is slow, though his writer's queue is the same")
    func slowUnix() {
        let model = pair(
            .unix, MeasuredStatistics.unix(queued: 222_720, writable: false),
            MeasuredStatistics.unix(unread: 200_000))
        #expect(model.examination.ailments.map(\.kind) == [.peerNotReading])
        var survey = model.survey()
        survey.later.sockets[1].statistics.timeSinceQueuesChanged = .milliseconds(80)
        #expect(Analysis(survey).ailments.isEmpty)
        survey = model.survey()
        survey.earlier?.sockets[1].statistics.receiveQueue = 0
        survey.later.sockets[1].statistics.timeSinceQueuesChanged = nil
        #expect(Analysis(survey).ailments.isEmpty)
    }

    @Test("one full direction is a peer that does not read, and says which")
    func peerNotReading() throws {
        var model = pair(.tcp, MeasuredStatistics.peerFull(), unread(128_000))
        model.wait(2, in: BlockedCall("clock_nanosleep", .time, hasLimit: true))
        let found = try only(model)
        #expect(found.kind == .peerNotReading)
        #expect(found.links.map(\.waiter) == [1])
        #expect(found.links.map(\.others) == [[2]])
        #expect(found.culprits == [2])
        #expect(found.connections[0][0].statistics.sendQueue ?? 0 > 0)
        #expect(found.evidence.contains("server[2] sleeps, in clock_nanosleep."))
    }

    @Test("a peer that was stopped is the cause, and how to let it go on is said")
    func stopped() throws {
        var model = pair(.tcp, MeasuredStatistics.peerFull(), unread(128_000))
        model.change(2) {
            $0.state = .stopped
            $0.threads = nil
        }
        let found = try only(model)
        #expect(found.kind == .peerNotReading)
        #expect(found.confidence == .certain)
        #expect(found.advice == "Let it go on: kill -CONT 2")
    }

    @Test("bytes that lie unread are told of their reader; a moment of it is not")
    func notReading() throws {
        let found = try only(pair(.tcp, nil, unread()))
        #expect(found.kind == .notReading)
        #expect(found.culprits == [2])
        #expect(found.evidence.hasPrefix("5 bytes have waited for 3 s for server[2] to read them."))
        #expect(pair(.tcp, nil, unread(for: .milliseconds(300))).examination.ailments.isEmpty)
    }

    @Test("what is sent again and again in vain is a lost network")
    func networkLost() throws {
        var model = ModelMachine()
        model.program(1, "client")
        model.add(
            MachineSocket(
                .tcp, cookie: 5, inode: 6, remote: .ipv4(IPv4Address(192, 0, 2, 7), port: 80),
                statistics: MeasuredStatistics.cut(5)), to: 1)
        let found = try only(model)
        #expect(found.kind == .networkLost)
        #expect(found.confidence == .certain)
    }

    @Test("a remote peer that does not read is told too, from one end")
    func remote() throws {
        var model = ModelMachine()
        model.program(1, "client")
        model.add(
            MachineSocket(.tcp, cookie: 5, inode: 6, statistics: MeasuredStatistics.peerFull()),
            to: 1)
        let found = try only(model)
        #expect(found.kind == .peerNotReading)
        #expect(found.links.map(\.others) == [[]])
        #expect(found.evidence.hasPrefix("client[1]: "))
    }

    @Test("what the kernel still delivers for a program that has gone is nobody's")
    func orphan() {
        var model = ModelMachine()
        model.add(
            MachineSocket(
                .tcp, cookie: 5, inode: 0,
                statistics: MeasuredStatistics.peerFull().with { $0.state = .finWait1 }))
        #expect(model.examination.ailments.isEmpty)
    }

    @Test("every connection is listed once, with both ends where both are here")
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
        #expect(model.examination.connections.map(\.count) == [1, 2, 2])
    }

    @Test("what may not be seen of a connection is counted")
    func hidden() {
        var model = pair()
        #expect(model.examination.hidden(in: model.examination.connections) == (0, 0))
        model.change(1) { $0.threads = nil }
        model.change(2) { $0.descriptors = nil }
        let examination = model.examination
        #expect(examination.hidden(in: examination.connections) == (1, 1))
        #expect(examination.hidden(in: []) == (0, 0))
    }

    @Test("the order in which the kernel lists things changes nothing", arguments: 0..<40)
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
        let survey = model.survey()
        var shuffled = survey
        shuffled.earlier?.sockets.shuffle(using: &generator)
        shuffled.later.sockets.shuffle(using: &generator)
        let (one, other) = (Analysis(survey).ailments, Analysis(shuffled).ailments)
        #expect(one.map(\.kind) == other.map(\.kind))
        #expect(one.map(\.evidence) == other.map(\.evidence))
        #expect(one.map(\.links) == other.map(\.links))
        #expect(
            one.map { $0.connections.map { $0.map(\.identity) } }
                == other.map { $0.connections.map { $0.map(\.identity) } })
    }
}
