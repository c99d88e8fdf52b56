import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Who can go on")
struct ProspectsTests {
    private func prospects(_ model: ModelMachine) -> WaitClassifier {
        let survey = model.survey()
        return WaitClassifier(earlier: survey.earlier, now: survey.later)
    }

    /// Two programs that read from each other.
    private func readers() -> ModelMachine {
        var model = ModelMachine()
        model.program(1)
        model.program(2)
        let (one, two) = model.connect(1, 2)
        model.read(1, one)
        model.read(2, two)
        return model
    }

    @Test("two that read from each other cannot")
    func reading() {
        let found = prospects(readers())
        #expect(found.stuck == [1, 2])
        #expect(found.waits.map(\.process) == [1, 2])
        #expect(found.waits.map(\.on) == [[2], [1]])
        #expect(found.waits.map(\.call) == ["recvfrom", "recvfrom"])
    }

    @Test("if one of them runs, both can")
    func running() {
        var model = readers()
        model.program(2)
        #expect(prospects(model).stuck.isEmpty)
        model = readers()
        model.change(2) { $0.state = .running }
        #expect(prospects(model).stuck.isEmpty)
    }

    @Test(
        "if one of them has a thread that waits for a time, a signal, a terminal or a caller, both can"
    )
    func outside() {
        let calls = [
            BlockedCall("nanosleep", .time, hasLimit: true),
            BlockedCall("read", .descriptors([.init(0, .reading)])),
            BlockedCall("io_getevents", .unknown),
            BlockedCall("pause", .signal),
            BlockedCall("poll", .descriptors([.init(3, .reading)]), hasLimit: true),
        ]
        for call in calls {
            var model = readers()
            model.wait(2, in: call, further: true)
            #expect(prospects(model).stuck.isEmpty, "\(call.name)")
        }
        var model = readers()
        var listener = MachineSocket(.tcp, cookie: 1, inode: 7)
        listener.isListening = true
        let descriptor = model.add(listener, to: 2)
        model.wait(
            2, in: BlockedCall("accept4", .descriptors([.init(descriptor, .accepting)])),
            further: true)
        #expect(prospects(model).stuck.isEmpty)
    }

    @Test("threads that wait for each other's locks and counters change nothing")
    func inside() {
        var model = readers()
        model.wait(2, in: BlockedCall("futex", .thread), further: true)
        let counter = model.open(2, .event)
        model.read(2, counter, further: true)
        #expect(prospects(model).stuck == [1, 2])
    }

    @Test("a program of which all threads wait for locks is none of our business")
    func locks() {
        var model = ModelMachine()
        model.program(1)
        model.wait(1, in: BlockedCall("futex", .thread))
        #expect(prospects(model).stuck.isEmpty)
    }

    @Test("one that watches several descriptors can go on if any of them can")
    func several() {
        var model = readers()
        model.program(3)
        let (there, here) = model.connect(3, 2)
        model.wait(
            2,
            in: BlockedCall(
                "epoll_wait", .descriptors([.init(3, .reading), .init(here, .reading)])))
        #expect(prospects(model).stuck.isEmpty)
        model.read(3, there)
        #expect(prospects(model).stuck == [1, 2, 3])
    }

    @Test("a program that did anything between the looks can go on")
    func turns() {
        let survey = readers().survey()
        var earlier = survey.earlier
        earlier?.processes[2]?.threads?[0].turns = 7
        #expect(WaitClassifier(earlier: earlier, now: survey.later).stuck.isEmpty)
        // Without an earlier look it is only a guess.
        #expect(WaitClassifier(earlier: nil, now: survey.later).stuck == [1, 2])
    }

    @Test("what may not be seen counts as able to go on")
    func hidden() {
        var model = readers()
        model.change(2) { $0.threads = nil }
        #expect(prospects(model).stuck.isEmpty)
        model = readers()
        model.change(2) { $0.descriptors = nil }
        #expect(prospects(model).stuck.isEmpty)
    }

    @Test("a peer on another machine counts as able to go on")
    func elsewhere() {
        var model = ModelMachine()
        model.program(1)
        let socket = MachineSocket(
            .tcp, cookie: 1, inode: 7, local: .ipv4(.loopback, port: 4000),
            remote: .ipv4(.loopback, port: 80), statistics: MeasuredStatistics.quiet())
        model.read(1, model.add(socket, to: 1))
        #expect(prospects(model).stuck.isEmpty)
    }

    @Test("bytes that wait to be read, or an end, let a reader go on")
    func readable() {
        for change: (inout ConnectionStatistics) -> Void in [
            { $0.receiveQueue = 1 }, { $0.hasPeerHalfClosed = true },
        ] {
            var model = ModelMachine()
            model.program(1)
            model.program(2)
            let quiet = MeasuredStatistics.quiet()
            let (one, two) = model.connect(1, 2, statistics: (quiet.with(change), quiet))
            model.read(1, one)
            model.read(2, two)
            #expect(prospects(model).stuck.isEmpty)
        }
    }

    @Test("two that write to each other cannot go on, and one whose queue is empty can")
    func writing() {
        for isFull in [true, false] {
            var model = ModelMachine()
            model.program(1)
            model.program(2)
            let (one, two) = model.connect(
                1, 2,
                statistics: (
                    MeasuredStatistics.bothFull(),
                    isFull ? MeasuredStatistics.bothFull() : MeasuredStatistics.quiet()
                ))
            model.write(1, one)
            model.write(2, two)
            #expect(prospects(model).stuck == (isFull ? [1, 2] : []))
        }
    }

    @Test("a program that was stopped cannot go on, nor can who waits for it")
    func stopped() {
        for state: MachineProcess.State in [.stopped, .traced] {
            var model = readers()
            model.change(2) {
                $0.state = state
                $0.threads = nil
            }
            let found = prospects(model)
            #expect(found.stuck == [1, 2])
            #expect(found.waits.map(\.process) == [1])
        }
    }

    @Test("a caller that nobody accepts waits for the program that listens")
    func unaccepted() {
        var model = ModelMachine()
        model.program(1)
        model.program(2, state: .stopped)
        var listener = MachineSocket(
            .tcp, cookie: 1, inode: 7, local: .ipv4(.any, port: 80))
        listener.isListening = true
        model.add(listener, to: 2)
        let (here, there) = (
            SocketAddress.ipv4(.loopback, port: 4000), SocketAddress.ipv4(.loopback, port: 80)
        )
        let quiet = MeasuredStatistics.quiet()
        model.read(
            1,
            model.add(
                MachineSocket(
                    .tcp, cookie: 2, inode: 8, local: here, remote: there, statistics: quiet), to: 1
            ))
        model.add(
            MachineSocket(.tcp, cookie: 3, inode: 0, local: there, remote: here, statistics: quiet))
        #expect(prospects(model).stuck == [1, 2])
        #expect(prospects(model).waits.map(\.on) == [[2]])
    }

    @Test("a parent waits for its children, and a child that can go on is enough")
    func children() {
        var model = ModelMachine()
        model.program(1)
        model.program(2, parent: 1)
        let (_, two) = model.connect(1, 2)
        model.wait(1, in: BlockedCall("wait4", .child(nil)))
        model.read(2, two)
        #expect(prospects(model).stuck == [1, 2])
        model.program(3, parent: 1)
        #expect(prospects(model).stuck.isEmpty)
        model.wait(1, in: BlockedCall("wait4", .child(2)))
        #expect(prospects(model).stuck == [1, 2])
        model.wait(1, in: BlockedCall("wait4", .child(99)))
        #expect(prospects(model).stuck.isEmpty)
    }

    @Test("a pipe is waited for too, unless somebody unseen may hold it")
    func pipes() {
        var model = ModelMachine()
        model.program(1)
        model.program(2)
        let (_, two) = model.connect(1, 2)
        let pipe = model.open(1, .pipe(inode: 5))
        _ = model.open(2, .pipe(inode: 5))
        model.read(1, pipe)
        model.read(2, two)
        #expect(prospects(model).stuck == [1, 2])
        model.program(3)
        model.change(3) { $0.descriptors = nil }
        #expect(prospects(model).stuck.isEmpty)
    }

    @Test("who is stuck is who reaches nobody that can go on, in any order", arguments: 0..<60)
    func property(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var model = ModelMachine()
        let count = Int32.random(in: 2...9, using: &generator)
        for id in 1...count { model.program(id) }
        var waits: [Int32: Set<Int32>] = [:]
        for id in 1...count where Int.random(in: 0..<10, using: &generator) > 0 {
            var watched: [BlockedCall.Watched] = []
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let other = Int32.random(in: 1...count, using: &generator)
                waits[id, default: []].insert(other)
                watched.append(.init(model.connect(id, other, .unix).0, .reading))
            }
            model.wait(id, in: BlockedCall("poll", .descriptors(watched)))
        }
        // By another way than the product's: spread what is able backwards, round after round.
        var able = Set((1...count).filter { waits[$0] == nil })
        for _ in 0..<count {
            able.formUnion((1...count).filter { !(waits[$0] ?? []).isDisjoint(with: able) })
        }
        let survey = model.survey()
        let found = WaitClassifier(earlier: survey.earlier, now: survey.later)
        #expect(found.stuck == Set(1...count).subtracting(able))

        var shuffled = survey.later
        shuffled.sockets.shuffle(using: &generator)
        #expect(WaitClassifier(earlier: survey.earlier, now: shuffled).waits == found.waits)
    }
}
