import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Cycles of waiting processes")
struct AnalysisCyclesTests {
    /// Returns a model of `count` processes, each of which reads from or writes to the next.
    private func processCycle(_ count: Int32, writing: Bool = false, seen: Bool = true)
        -> ModelMachine
    {
        var model = ModelMachine()
        for id in 1...count { model.program(id, "p\(id)") }
        for id in 1...count {
            let statistics =
                writing
                ? (
                    MeasuredStatistics.peerFull(),
                    MeasuredStatistics.quiet(for: .seconds(3)).with {
                        ($0.receiveQueue, $0.receiveWindow) = (128_000, 0)
                    }
                ) : nil
            let (descriptor, _) = model.connect(id, id % count + 1, statistics: statistics)
            if !seen { continue }
            if writing { model.write(id, descriptor) } else { model.read(id, descriptor) }
        }
        return model
    }

    @Test("three processes that read from each other are reported as a circular wait (`certain`)")
    func reading() throws {
        let found = try onlyFinding(in: processCycle(3))
        #expect(found.kind == .circularWait)
        #expect(found.confidence == .certain)
        #expect(found.edges.map(\.waiter) == [1, 2, 3])
        #expect(found.edges.map(\.blockers) == [[2], [3], [1]])
        #expect(found.edges.allSatisfy { $0.action == .write && $0.call == "recvfrom" })
        #expect(found.connections.map(\.count) == [2, 2, 2])
        #expect(found.stallDuration == .seconds(2))
    }

    @Test("three processes that write to each other are reported as one circular wait")
    func writing() throws {
        let found = try onlyFinding(in: processCycle(3, writing: true))
        #expect(found.kind == .circularWait)
        #expect(found.confidence == .certain)
        #expect(found.edges.allSatisfy { $0.action == .read && $0.call == "sendto" })
    }

    @Test("full queues are reported as a circular wait (`likely`) even if the calls are hidden")
    func unseen() throws {
        var model = processCycle(3, writing: true, seen: false)
        for id: Int32 in 1...3 { model.change(id) { $0.threads = nil } }
        let found = try onlyFinding(in: model)
        #expect(found.kind == .circularWait)
        #expect(found.confidence == .likely)
        #expect(found.edges.map(\.waiter) == [1, 2, 3])
        #expect(found.edges.allSatisfy { $0.call == nil })
    }

    @Test("a deadlock of two ends of one connection is reported as `bothWaiting` or `bothWriting`")
    func two() throws {
        var model = ModelMachine()
        model.program(1)
        model.program(2)
        let (one, other) = model.connect(1, 2)
        model.read(1, one)
        model.read(2, other)
        #expect(try onlyFinding(in: model).kind == .bothWaiting)

        var full = ModelMachine()
        full.program(1)
        full.program(2)
        let statistics = MeasuredStatistics.bothFull()
        let (near, far) = full.connect(1, 2, statistics: (statistics, statistics))
        full.write(1, near)
        full.write(2, far)
        let found = try onlyFinding(in: full)
        #expect(found.kind == .bothWriting)
        #expect(found.confidence == .certain)
    }

    @Test("an end that read before it got stuck is not listed as a slow reader")
    func readBefore() throws {
        var samples = processCycle(2, writing: true).samples()
        for index in samples.later.sockets.indices {
            samples.later.sockets[index].bytesRead = 10_000
        }
        let analysis = Analysis(samples)
        #expect(analysis.findings.map(\.kind) == [.circularWait])
        #expect(analysis.slowReaders.isEmpty)
    }

    @Test("mutual waits over two connections are reported as a circular wait")
    func twoConnections() throws {
        let found = try onlyFinding(in: processCycle(2))
        #expect(found.kind == .circularWait)
        #expect(found.connections.count == 2)
    }

    @Test("a process that waits for itself is reported as a circular wait")
    func itself() throws {
        var model = ModelMachine()
        model.program(1)
        model.read(1, model.connect(1, 1, .unix).0)
        let found = try onlyFinding(in: model)
        #expect(found.kind == .circularWait)
        #expect(found.edges.map(\.blockers) == [[1]])
    }

    @Test("a process that waits for a member of a cycle is reported after the cycle")
    func behind() throws {
        var model = processCycle(3)
        model.program(9, "p9")
        model.read(9, model.connect(9, 1).0)
        let findings = model.analysis.findings
        #expect(findings.map(\.kind) == [.circularWait, .peerStuck])
        #expect(findings[1].edges.map(\.waiter) == [9])
        #expect(findings[1].blockers == [1])
    }

    @Test(
        "the finding about a chain of waits names the stopped process or cycle at the chain's end")
    func root() throws {
        var model = ModelMachine()
        for id: Int32 in 1...3 { model.program(id, "p\(id)") }
        model.change(3) { $0.state = .stopped }
        model.read(1, model.connect(1, 2).0)
        model.read(2, model.connect(2, 3).0)
        let findings = model.analysis.findings
        #expect(findings.map(\.kind) == [.peerStuck, .peerStuck])
        #expect(findings.map(\.blockers) == [[3], [3]])
        let first = try #require(findings.first { $0.edges[0].waiter == 1 })
        #expect(first.evidence.contains("p2[2] waits for descriptor"))
        #expect(
            first.evidence.hasSuffix(
                "The chain of waits ends at p3[3], which has been stopped by a signal."))
        #expect(first.advice == "Let it continue: kill -CONT 3")

        var cycle = processCycle(2)
        for id: Int32 in 8...9 { cycle.program(id, "p\(id)") }
        cycle.read(9, cycle.connect(9, 8).0)
        cycle.read(8, cycle.connect(8, 1).0)
        let last = try #require(cycle.analysis.findings.first { $0.edges[0].waiter == 9 })
        #expect(last.evidence.hasSuffix("The chain of waits ends in the deadlock of p1[1], p2[2]."))
        #expect(last.blockers == [1, 2])
    }

    @Test("a process that watches 20 stuck peers gives one finding that lists 8 of the waits")
    func many() throws {
        var model = ModelMachine()
        model.program(1, "watcher")
        var watched: [BlockedCall.WatchedDescriptor] = []
        for id: Int32 in 2...21 {
            model.program(id, state: .stopped)
            watched.append(.init(model.connect(1, id).0, .reading))
        }
        model.wait(1, in: BlockedCall("epoll_wait", .descriptors(watched)))
        let found = try onlyFinding(in: model)
        #expect(found.edges.count == 8)
    }

    @Test("the finding about a wait for a stopped process says that a signal stopped the process")
    func stopped() throws {
        var model = ModelMachine()
        model.program(1)
        model.program(2, "server", state: .stopped)
        model.read(1, model.connect(1, 2).0)
        let found = try onlyFinding(in: model)
        #expect(found.kind == .peerStuck)
        #expect(found.evidence.hasSuffix("server[2] has been stopped by a signal."))
    }

    @Test("the finding about a write to a stopped process is `certain` after only 200 ms")
    func stoppedReader() throws {
        var model = ModelMachine()
        model.program(1)
        model.program(2, "server", state: .stopped)
        let moment = Duration.milliseconds(200)
        let (near, _) = model.connect(
            1, 2,
            statistics: (
                MeasuredStatistics.peerFull(for: moment),
                MeasuredStatistics.quiet(for: moment).with { $0.receiveQueue = 128_000 }
            ))
        model.write(1, near)
        let found = try onlyFinding(in: model)
        #expect(found.kind == .peerNotReading)
        #expect(found.confidence == .certain)
        #expect(found.edges.map(\.action) == [.read])
    }

    @Test("a parent and a child that wait for each other are reported as a circular wait")
    func child() throws {
        var model = ModelMachine()
        model.program(1)
        model.program(2, parent: 1)
        let (_, two) = model.connect(1, 2)
        model.wait(1, in: BlockedCall("wait4", .child(nil)))
        model.read(2, two)
        let found = try onlyFinding(in: model)
        #expect(found.kind == .circularWait)
        #expect(found.edges.map(\.action) == [.exit, .write])
    }

    @Test("processes that wait for each other only through pipes give no finding")
    func pipes() {
        var model = ModelMachine()
        for id: Int32 in [1, 2] {
            model.program(id)
            let descriptor = model.open(id, .pipe(inode: 5))
            model.read(id, descriptor)
        }
        #expect(model.analysis.findings.isEmpty)
    }
}
