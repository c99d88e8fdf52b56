import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Classification of waiting processes")
struct WaitClassifierTests {
    private func classify(_ model: ModelMachine) -> WaitClassifier {
        let samples = model.samples()
        return WaitClassifier(earlier: samples.earlier, now: samples.later)
    }

    /// Two processes that read from each other.
    private func readers() -> ModelMachine {
        var model = ModelMachine()
        model.program(1)
        model.program(2)
        let (one, two) = model.connect(1, 2)
        model.read(1, one)
        model.read(2, two)
        return model
    }

    @Test("two processes that read from each other are classified as stuck")
    func reading() {
        let found = classify(readers())
        #expect(found.stuck == [1, 2])
        #expect(found.waits.map(\.process) == [1, 2])
        #expect(found.waits.map(\.blockers) == [[2], [1]])
        #expect(found.waits.map(\.call) == ["recvfrom", "recvfrom"])
    }

    @Test("two processes that read from each other are not classified as stuck if either runs")
    func running() {
        var model = readers()
        model.program(2)
        #expect(classify(model).stuck.isEmpty)
        model = readers()
        model.change(2) { $0.state = .running }
        #expect(classify(model).stuck.isEmpty)
    }

    @Test("a process is not classified as stuck if an outside event can wake one of its threads")
    func outside() {
        let calls = [
            BlockedCall("nanosleep", .time, hasTimeout: true),
            BlockedCall("read", .descriptors([.init(0, .reading)])),
            BlockedCall("io_getevents", .unknown),
            BlockedCall("pause", .signal),
            BlockedCall("poll", .descriptors([.init(3, .reading)]), hasTimeout: true),
        ]
        for call in calls {
            var model = readers()
            model.wait(2, in: call, further: true)
            #expect(classify(model).stuck.isEmpty, "\(call.name)")
        }
        var model = readers()
        var listener = MachineSocket(.tcp, cookie: 1, inode: 7)
        listener.isListening = true
        let descriptor = model.add(listener, to: 2)
        model.wait(
            2, in: BlockedCall("accept4", .descriptors([.init(descriptor, .accepting)])),
            further: true)
        #expect(classify(model).stuck.isEmpty)
    }

    @Test("a process is classified as stuck even if threads wait for other threads of the process")
    func inside() {
        var model = readers()
        model.wait(2, in: BlockedCall("futex", .thread), further: true)
        let counter = model.open(2, .eventfd)
        model.read(2, counter, further: true)
        #expect(classify(model).stuck == [1, 2])
    }

    @Test("a process whose threads all wait for locks is not classified as stuck")
    func locks() {
        var model = ModelMachine()
        model.program(1)
        model.wait(1, in: BlockedCall("futex", .thread))
        #expect(classify(model).stuck.isEmpty)
    }

    @Test("a process that watches several descriptors is stuck only if every peer is stuck")
    func several() {
        var model = readers()
        model.program(3)
        let (there, here) = model.connect(3, 2)
        model.wait(
            2,
            in: BlockedCall(
                "epoll_wait", .descriptors([.init(3, .reading), .init(here, .reading)])))
        #expect(classify(model).stuck.isEmpty)
        model.read(3, there)
        #expect(classify(model).stuck == [1, 2, 3])
    }

    @Test("a process that ran between the samples is not classified as stuck")
    func runCounter() {
        let samples = readers().samples()
        var earlier = samples.earlier
        earlier?.processes[2]?.threads?[0].runCounter = 7
        #expect(WaitClassifier(earlier: earlier, now: samples.later).stuck.isEmpty)
        // Without an earlier sample, the result is only a guess.
        #expect(WaitClassifier(earlier: nil, now: samples.later).stuck == [1, 2])
    }

    @Test("a process with hidden threads or descriptors is classified as able to continue")
    func hidden() {
        var model = readers()
        model.change(2) { $0.threads = nil }
        #expect(classify(model).stuck.isEmpty)
        model = readers()
        model.change(2) { $0.descriptors = nil }
        #expect(classify(model).stuck.isEmpty)
    }

    @Test("a peer on another machine is classified as able to continue")
    func elsewhere() {
        var model = ModelMachine()
        model.program(1)
        let socket = MachineSocket(
            .tcp, cookie: 1, inode: 7, local: .ipv4(.loopback, port: 4000),
            remote: .ipv4(.loopback, port: 80), statistics: MeasuredStatistics.quiet())
        model.read(1, model.add(socket, to: 1))
        #expect(classify(model).stuck.isEmpty)
    }

    @Test("a reader with unread bytes or at end of stream is not classified as stuck")
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
            #expect(classify(model).stuck.isEmpty)
        }
    }

    @Test("two writers are classified as stuck only if both send queues contain bytes")
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
            #expect(classify(model).stuck == (isFull ? [1, 2] : []))
        }
    }

    @Test("a stopped process and a peer that waits for the process are classified as stuck")
    func stopped() {
        for state: MachineProcess.State in [.stopped, .traced] {
            var model = readers()
            model.change(2) {
                $0.state = state
                $0.threads = nil
            }
            let found = classify(model)
            #expect(found.stuck == [1, 2])
            #expect(found.waits.map(\.process) == [1])
        }
    }

    @Test("an unaccepted client is classified as waiting for the process that listens")
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
        #expect(classify(model).stuck == [1, 2])
        #expect(classify(model).waits.map(\.blockers) == [[2]])
    }

    @Test("a parent that waits for children is classified as stuck only if no child can continue")
    func children() {
        var model = ModelMachine()
        model.program(1)
        model.program(2, parent: 1)
        let (_, two) = model.connect(1, 2)
        model.wait(1, in: BlockedCall("wait4", .child(nil)))
        model.read(2, two)
        #expect(classify(model).stuck == [1, 2])
        model.program(3, parent: 1)
        #expect(classify(model).stuck.isEmpty)
        model.wait(1, in: BlockedCall("wait4", .child(2)))
        #expect(classify(model).stuck == [1, 2])
        model.wait(1, in: BlockedCall("wait4", .child(99)))
        #expect(classify(model).stuck.isEmpty)
    }

    @Test("a pipe reader is classified as stuck unless a hidden process may have the pipe open")
    func pipes() {
        var model = ModelMachine()
        model.program(1)
        model.program(2)
        let (_, two) = model.connect(1, 2)
        let pipe = model.open(1, .pipe(inode: 5))
        _ = model.open(2, .pipe(inode: 5))
        model.read(1, pipe)
        model.read(2, two)
        #expect(classify(model).stuck == [1, 2])
        model.program(3)
        model.change(3) { $0.descriptors = nil }
        #expect(classify(model).stuck.isEmpty)
    }

    @Test(
        "a process is stuck if and only if its waits lead to no process that can continue",
        arguments: 0..<60)
    func property(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var model = ModelMachine()
        let count = Int32.random(in: 2...9, using: &generator)
        for id in 1...count { model.program(id) }
        var waits: [Int32: Set<Int32>] = [:]
        for id in 1...count where Int.random(in: 0..<10, using: &generator) > 0 {
            var watched: [BlockedCall.WatchedDescriptor] = []
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let other = Int32.random(in: 1...count, using: &generator)
                waits[id, default: []].insert(other)
                watched.append(.init(model.connect(id, other, .unix).0, .reading))
            }
            model.wait(id, in: BlockedCall("poll", .descriptors(watched)))
        }
        // An independent algorithm: spread the ability to continue backwards, round after round.
        var able = Set((1...count).filter { waits[$0] == nil })
        for _ in 0..<count {
            able.formUnion((1...count).filter { !(waits[$0] ?? []).isDisjoint(with: able) })
        }
        let samples = model.samples()
        let found = WaitClassifier(earlier: samples.earlier, now: samples.later)
        #expect(found.stuck == Set(1...count).subtracting(able))

        var shuffled = samples.later
        shuffled.sockets.shuffle(using: &generator)
        #expect(WaitClassifier(earlier: samples.earlier, now: shuffled).waits == found.waits)
    }
}
