import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Programs that wait for each other")
struct ExaminationKnotsTests {
    private func only(_ model: ModelMachine) throws -> Finding {
        let ailments = model.examination.ailments
        #expect(ailments.count == 1, "\(ailments.map(\.kind))")
        return try #require(ailments.first)
    }

    /// So many programs, of which each reads from the next, or writes to it.
    private func ring(_ count: Int32, writing: Bool = false, seen: Bool = true) -> ModelMachine {
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

    @Test("three that read from each other are a circle, and it is certain")
    func reading() throws {
        let found = try only(ring(3))
        #expect(found.kind == .circle)
        #expect(found.confidence == .certain)
        #expect(found.links.map(\.waiter) == [1, 2, 3])
        #expect(found.links.map(\.others) == [[2], [3], [1]])
        #expect(found.links.allSatisfy { $0.deed == .write && $0.call == "recvfrom" })
        #expect(found.connections.map(\.count) == [2, 2, 2])
        #expect(found.still == .seconds(2))
    }

    @Test("three that write to each other are a circle, and only that is told")
    func writing() throws {
        let found = try only(ring(3, writing: true))
        #expect(found.kind == .circle)
        #expect(found.confidence == .certain)
        #expect(found.links.allSatisfy { $0.deed == .read && $0.call == "sendto" })
    }

    @Test("full queues alone show a circle of writers, though no call is seen; that is likely")
    func unseen() throws {
        var model = ring(3, writing: true, seen: false)
        for id: Int32 in 1...3 { model.change(id) { $0.threads = nil } }
        let found = try only(model)
        #expect(found.kind == .circle)
        #expect(found.confidence == .likely)
        #expect(found.links.map(\.waiter) == [1, 2, 3])
        #expect(found.links.allSatisfy { $0.call == nil })
    }

    @Test("two at the ends of one connection both wait, or both write")
    func two() throws {
        var model = ModelMachine()
        model.program(1)
        model.program(2)
        let (one, other) = model.connect(1, 2)
        model.read(1, one)
        model.read(2, other)
        #expect(try only(model).kind == .bothWaiting)

        var full = ModelMachine()
        full.program(1)
        full.program(2)
        let statistics = MeasuredStatistics.bothFull()
        let (near, far) = full.connect(1, 2, statistics: (statistics, statistics))
        full.write(1, near)
        full.write(2, far)
        let found = try only(full)
        #expect(found.kind == .bothWriting)
        #expect(found.confidence == .certain)
    }

    @Test("two over two connections are a circle")
    func twoConnections() throws {
        let found = try only(ring(2))
        #expect(found.kind == .circle)
        #expect(found.connections.count == 2)
    }

    @Test("one that waits for itself is a circle of one")
    func itself() throws {
        var model = ModelMachine()
        model.program(1)
        model.read(1, model.connect(1, 1, .unix).0)
        let found = try only(model)
        #expect(found.kind == .circle)
        #expect(found.links.map(\.others) == [[1]])
    }

    @Test("one that waits for a circle is told of too, after it")
    func behind() throws {
        var model = ring(3)
        model.program(9, "p9")
        model.read(9, model.connect(9, 1).0)
        let ailments = model.examination.ailments
        #expect(ailments.map(\.kind) == [.circle, .peerStuck])
        #expect(ailments[1].links.map(\.waiter) == [9])
        #expect(ailments[1].culprits == [1])
    }

    @Test("a chain names where it ends: a program that was stopped, or a circle")
    func root() throws {
        var model = ModelMachine()
        for id: Int32 in 1...3 { model.program(id, "p\(id)") }
        model.change(3) { $0.state = .stopped }
        model.read(1, model.connect(1, 2).0)
        model.read(2, model.connect(2, 3).0)
        let ailments = model.examination.ailments
        #expect(ailments.map(\.kind) == [.peerStuck, .peerStuck])
        #expect(ailments.map(\.culprits) == [[3], [3]])
        let first = try #require(ailments.first { $0.links[0].waiter == 1 })
        #expect(first.evidence.contains("p2[2] waits for descriptor"))
        #expect(
            first.evidence.hasSuffix(
                "In the end all wait for p3[3], which has been stopped by a signal."))
        #expect(first.advice == "Let it go on: kill -CONT 3")

        var circle = ring(2)
        for id: Int32 in 8...9 { circle.program(id, "p\(id)") }
        circle.read(9, circle.connect(9, 8).0)
        circle.read(8, circle.connect(8, 1).0)
        let last = try #require(circle.examination.ailments.first { $0.links[0].waiter == 9 })
        #expect(last.evidence.hasSuffix("In the end all wait for the circle of p1[1], p2[2]."))
        #expect(last.culprits == [1, 2])
    }

    @Test("a program that watches many which cannot go on is told once")
    func many() throws {
        var model = ModelMachine()
        model.program(1, "watcher")
        var watched: [BlockedCall.Watched] = []
        for id: Int32 in 2...21 {
            model.program(id, state: .stopped)
            watched.append(.init(model.connect(1, id).0, .reading))
        }
        model.wait(1, in: BlockedCall("epoll_wait", .descriptors(watched)))
        let found = try only(model)
        #expect(found.links.count == 8)
    }

    @Test("one that waits for a program which was stopped is told why")
    func stopped() throws {
        var model = ModelMachine()
        model.program(1)
        model.program(2, "server", state: .stopped)
        model.read(1, model.connect(1, 2).0)
        let found = try only(model)
        #expect(found.kind == .peerStuck)
        #expect(found.evidence.hasSuffix("server[2] has been stopped by a signal."))
    }

    @Test("one that writes to a program which was stopped is told so, however short a time it is")
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
        let found = try only(model)
        #expect(found.kind == .peerNotReading)
        #expect(found.confidence == .certain)
        #expect(found.links.map(\.deed) == [.read])
    }

    @Test("a parent that waits for a child which waits for it is a circle")
    func child() throws {
        var model = ModelMachine()
        model.program(1)
        model.program(2, parent: 1)
        let (_, two) = model.connect(1, 2)
        model.wait(1, in: BlockedCall("wait4", .child(nil)))
        model.read(2, two)
        let found = try only(model)
        #expect(found.kind == .circle)
        #expect(found.links.map(\.deed) == [.end, .write])
    }

    @Test("programs that wait for each other by pipes alone are not ours to tell")
    func pipes() {
        var model = ModelMachine()
        for id: Int32 in [1, 2] {
            model.program(id)
            let descriptor = model.open(id, .pipe(inode: 5))
            model.read(id, descriptor)
        }
        #expect(model.examination.ailments.isEmpty)
    }
}
