import Glibc
import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Slow readers", .ownThread)
struct AnalysisSlownessTests {
    /// Returns two samples of a connection whose writer is blocked, and whose reader read some
    /// bytes.
    private func samples(
        read: Int, _ kind: MachineSocket.Kind = .tcp, reader: BlockedCall? = nil
    ) -> MachineSamples {
        var model = ModelMachine()
        model.program(1, "writer")
        model.program(2, "reader")
        let statistics =
            kind == .tcp
            ? (
                MeasuredStatistics.peerFull(for: .seconds(90)),
                MeasuredStatistics.quiet(for: .seconds(90)).with {
                    ($0.receiveQueue, $0.bytesReceived) = (128_000, 500_000)
                }
            )
            : (
                MeasuredStatistics.unix(queued: 222_720, writable: false),
                MeasuredStatistics.unix(unread: 200_000)
            )
        let (descriptor, _) = model.connect(1, 2, kind, statistics: statistics)
        model.write(1, descriptor)
        if let reader { model.wait(2, in: reader) }
        var samples = model.samples()
        samples.earlier?.sockets[1].statistics.receiveQueue! += read
        if kind == .unix { samples.later.sockets[1].bytesRead = read }
        return samples
    }

    @Test(
        "a reader whose queue shrinks is listed as slow with its rate, and gives no finding",
        arguments: [MachineSocket.Kind.tcp, .unix])
    func slow(kind: MachineSocket.Kind) throws {
        let analysis = Analysis(samples(read: 10_000, kind))
        #expect(analysis.findings.isEmpty)
        let slow = try #require(analysis.slowReaders.first)
        #expect(analysis.slowReaders.count == 1)
        #expect(analysis.ownership.owners(of: slow.reader).map(\.process) == [2])
        #expect(slow.writer.map { analysis.ownership.owners(of: $0).map(\.process) } == [1])
        #expect(slow.bytesPerSecond == 10_000)
        #expect(slow.waiting > 200_000)
        let idle = Analysis(samples(read: 0, kind))
        #expect(idle.findings.map(\.kind) == [.peerNotReading])
        #expect(idle.slowReaders.isEmpty)
    }

    @Test("a slow reader whose writer is on another machine is listed as slow and gives no finding")
    func remoteWriter() throws {
        var samples = samples(read: 10_000)
        samples.earlier?.sockets.removeFirst()
        samples.later.sockets.removeFirst()
        let analysis = Analysis(samples)
        #expect(analysis.findings.isEmpty)
        #expect(analysis.slowReaders.map(\.waiting) == [128_000])
        #expect(analysis.slowReaders[0].writer == nil)
    }

    @Test("isUndecided is true only while the blamed program may resume reading by itself")
    func undecided() {
        func isUndecided(_ call: BlockedCall?) -> Bool {
            Analysis(samples(read: 0, reader: call)).isUndecided
        }
        #expect(isUndecided(nil))
        #expect(isUndecided(BlockedCall("clock_nanosleep", .time, hasTimeout: true)))
        #expect(isUndecided(BlockedCall("poll", .descriptors([]), hasTimeout: true)))
        #expect(!isUndecided(BlockedCall("pause", .signal)))
        #expect(!isUndecided(BlockedCall("recvfrom", .descriptors([.init(9, .reading)]))))
        var stopped = samples(read: 0)
        stopped.later.processes[2]?.state = .stopped
        #expect(!Analysis(stopped).isUndecided)
        #expect(!Analysis(samples(read: 10_000)).isUndecided)
    }

    @Test("isUndecided is true for a program that writes to itself if its second thread may read")
    func waitingForItself() throws {
        var model = ModelMachine()
        model.program(1, "both")
        let full = MeasuredStatistics.peerFull(for: .seconds(90))
        let unread = MeasuredStatistics.quiet(for: .seconds(90)).with {
            ($0.receiveQueue, $0.bytesReceived) = (128_000, 500_000)
        }
        let (descriptor, _) = model.connect(1, 1, statistics: (full, unread))
        model.write(1, descriptor)
        model.wait(1, in: BlockedCall("clock_nanosleep", .time, hasTimeout: true), further: true)
        var samples = model.samples()
        let analysis = Analysis(samples)
        #expect(analysis.isUndecided)
        #expect(analysis.findings.map(\.kind) == [.circularWait])
        let evidence = try #require(analysis.findings.first?.evidence)
        #expect(evidence.contains("No byte was read in the last "))
        samples.earlier?.sockets[1].statistics.receiveQueue! += 10_000
        #expect(Analysis(samples).findings.isEmpty)
        #expect(!Analysis(samples).isUndecided)
    }

    @Test("isUndecided is true if the blamed program is writing to a program that may still read")
    func pipeline() {
        func isUndecided(_ call: BlockedCall) -> Bool {
            var samples = samples(
                read: 0, reader: BlockedCall("write", .descriptors([.init(1, .writing)])))
            for id: Int32 in [2, 3] {
                var process = samples.later.processes[2]!
                process.id = id
                process.threads?[0].id = id
                process.descriptors?[1] = .pipe(inode: 70)
                if id == 3 { process.threads?[0].call = call }
                samples.later.processes[id] = process
                samples.earlier?.processes[id] = process
            }
            return Analysis(samples).isUndecided
        }
        #expect(isUndecided(BlockedCall("clock_nanosleep", .time, hasTimeout: true)))
        #expect(!isUndecided(BlockedCall("pause", .signal)))
    }

    @Test("QueueChanges adds up the bytes that were read between all samples")
    func watched() {
        func socket(_ unread: Int) -> MachineSocket {
            MachineSocket(
                .unix, cookie: 1, inode: 2, statistics: MeasuredStatistics.unix(unread: unread))
        }
        var changes = QueueChanges([socket(900)])
        for unread in [800, 1_000, 950] { changes.add([socket(unread)]) }
        var last = [socket(950)]
        changes.mark(&last)
        #expect(last[0].bytesRead == 150)
    }

    @Test(
        "a process that reads 4096 bytes every 0.5 s is reported as slow, and never as stuck",
        arguments: [true, false])
    func real(isTCP: Bool) throws {
        let (writer, reader) = try isTCP ? Loopback.tcpPair() : Socket.pair()
        // The writer fills all buffers, and then waits.
        try writer.setOption(.sendBufferSize, to: 1 << 18)
        let inodes = try [writer, reader].map { socket in
            let copy = Descriptor(try socket.duplicate().release().rawValue)
            return try #require(inode(of: copy.number))
        }
        let filling = Background {
            try? writer.sendAll([UInt8](repeating: 0, count: 1 << 22))
        }
        let reading = Background {
            while let bytes = try? reader.receive(atMost: 4096), !bytes.isEmpty {
                usleep(500_000)
            }
        }
        defer {
            reader.close()
            writer.close()
            _ = try? filling.value()
            _ = try? reading.value()
        }
        var found: Analysis.SlowReader?
        for _ in 0..<10 where found == nil {
            let analysis = try Analysis.ofMachine()
            let stuck = analysis.findings.filter { finding in
                finding.connections.joined().contains { inodes.contains(UInt($0.inode)) }
            }
            #expect(stuck.isEmpty, "\(stuck.map(\.evidence))")
            found = analysis.slowReaders.first { UInt($0.reader.inode) == inodes[1] }
        }
        #expect((found?.bytesPerSecond).map { (1_000...20_000).contains($0) } == true)
    }
}
