import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Connections that a program does not close")
struct AnalysisClosingTests {
    private let here = SocketAddress.ipv4(.loopback, port: 80)
    private let there = SocketAddress.ipv4(.loopback, port: 4000)

    /// Returns a machine with one socket whose peer ended the stream `time` ago.
    private func machine(
        remote: SocketAddress? = nil, for time: Duration = .seconds(180), inode: UInt32 = 8
    ) -> ModelMachine {
        var model = ModelMachine()
        model.program(2, "server")
        model.add(
            MachineSocket(
                .tcp, cookie: 3, inode: inode, local: here, remote: remote ?? there,
                statistics: MeasuredStatistics.quiet(for: time).with { $0.state = .closeWait }),
            to: inode == 0 ? nil : 2)
        return model
    }

    private func only(_ model: ModelMachine) throws -> Finding {
        let findings = model.analysis.findings
        #expect(findings.count == 1, "\(findings.map(\.kind))")
        return try #require(findings.first)
    }

    @Test("a closed peer gives a `notClosed` finding that names the program and the time")
    func closed() throws {
        let found = try only(machine())
        #expect(found.kind == .notClosed)
        #expect(found.confidence == .certain)
        #expect(found.stallDuration == .seconds(180))
        #expect(!found.isLowerBound)
        #expect(found.blockers == [2])
        #expect(
            found.evidence.hasPrefix(
                "The peer of server[2] has closed the connection, but server[2] keeps it open."))
    }

    @Test("a peer that has just closed gives no finding")
    func justClosed() {
        #expect(machine(for: .milliseconds(900)).analysis.findings.isEmpty)
        let remote = SocketAddress.ipv4(IPv4Address(192, 0, 2, 7), port: 4000)
        #expect(machine(remote: remote, for: .milliseconds(1_900)).analysis.findings.isEmpty)
        var samples = machine().samples()
        samples.earlier?.sockets[0].statistics.state = .established
        #expect(Analysis(samples).findings.isEmpty)
    }

    @Test("a remote peer may only have half-closed, so the finding is `likely`")
    func remote() throws {
        let remote = SocketAddress.ipv4(IPv4Address(192, 0, 2, 7), port: 4000)
        #expect(try only(machine(remote: remote)).confidence == .likely)
    }

    @Test("a peer whose program keeps its end open has half-closed, so the finding is `possible`")
    func halfClosed() throws {
        func withPeer(for time: Duration) -> ModelMachine {
            var model = machine(for: time)
            model.program(1, "client")
            model.add(
                MachineSocket(
                    .tcp, cookie: 4, inode: 9, local: there, remote: here,
                    statistics: MeasuredStatistics.quiet().with { $0.state = .finWait2 }), to: 1)
            return model
        }
        let found = try only(withPeer(for: .seconds(11)))
        #expect(found.confidence == .possible)
        #expect(found.evidence.hasPrefix("The peer of server[2] has half-closed"))
        #expect(withPeer(for: .seconds(9)).analysis.findings.isEmpty)
    }

    @Test("unread or unsent bytes of an ended connection have other findings")
    func bytes() {
        for change in [
            { (statistics: inout ConnectionStatistics) in statistics.receiveQueue = 5 },
            { statistics in statistics.sendQueue = 5 },
        ] {
            var samples = machine().samples()
            change(&samples.later.sockets[0].statistics)
            #expect(!Analysis(samples).findings.contains { $0.kind == .notClosed })
        }
    }

    @Test("a client that closed before it was accepted belongs to the finding about the listener")
    func queued() throws {
        var model = machine(inode: 0)
        var listener = MachineSocket(.tcp, cookie: 1, inode: 7, local: .ipv4(.any, port: 80))
        listener.isListening = true
        (listener.pendingConnections, listener.backlog) = (1, 128)
        model.add(listener, to: 2)
        let found = try only(model)
        #expect(found.kind == .notAccepting)
        #expect(found.connections.map { $0[0].inode } == [7, 0])
        #expect(
            found.evidence.hasPrefix(
                "1 client waits for server[2] to accept. It has already closed its connection."))

        // The owner is hidden, so the finding about the listener is missing.
        model.change(2) { $0.descriptors = nil }
        let hidden = try only(model)
        #expect(hidden.kind == .notClosed)
        #expect(
            hidden.evidence == "A client has closed a connection that is not yet accepted.")
    }

    @Test("a Unix client that closed before it was accepted belongs to the listener's finding")
    func queuedUnix() throws {
        var model = ModelMachine()
        model.program(2, "server")
        var listener = MachineSocket(.unix, cookie: 1, inode: 7)
        listener.isListening = true
        (listener.pendingConnections, listener.backlog) = (2, 128)
        listener.pendingInodes = [0, 0]
        model.add(listener, to: 2)
        let found = try only(model)
        #expect(found.kind == .notAccepting)
        #expect(
            found.evidence.hasPrefix(
                "2 clients wait for server[2] to accept. 2 of them have already closed their"
                    + " connections."))
    }

    @Test("a hung-up Unix socket gives a `notClosed` finding with the observed time")
    func unix() throws {
        var model = ModelMachine()
        model.program(2, "server")
        var end = MachineSocket(
            .unix, cookie: 3, inode: 8,
            statistics: MeasuredStatistics.unix().with { $0.isHungUp = true })
        end.peerInode = 0
        model.add(end, to: 2)
        let found = try only(model)
        #expect(found.kind == .notClosed)
        #expect(found.isLowerBound)
        #expect(found.blockers == [2])
    }
}
