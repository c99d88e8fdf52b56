import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Connections that a program does not close")
struct AnalysisClosingTests {
    private let here = SocketAddress.ipv4(.loopback, port: 80)
    private let there = SocketAddress.ipv4(.loopback, port: 4000)

    /// Returns a machine with one socket whose peer ended the stream `time` ago.
    ///
    /// The end of the peer has no owner, so it is closed, unless `remote` is another address.
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
        if remote == nil {
            model.add(
                MachineSocket(
                    .tcp, cookie: 5, inode: 0, local: there, remote: here,
                    statistics: MeasuredStatistics.quiet().with { $0.state = .finWait2 }))
        }
        return model
    }

    private let farAway = SocketAddress.ipv4(IPv4Address(192, 0, 2, 7), port: 4000)

    @Test("a closed peer gives a `notClosed` finding that names the program and the time")
    func closed() throws {
        let found = try onlyFinding(in: machine())
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
        for remote in [farAway, there] {
            #expect(machine(remote: remote, for: .seconds(9)).analysis.findings.isEmpty)
        }
        var samples = machine().samples()
        samples.earlier?.sockets[0].statistics.state = .established
        #expect(Analysis(samples).findings.isEmpty)
    }

    @Test(
        "the evidence says that the peer closed or half-closed if the peer's socket is not visible")
    func invisiblePeer() throws {
        // The program behind a local address may be in a container.
        for (remote, confidence) in [
            (farAway, StallReport.Confidence.possible), (there, .likely),
        ] {
            let found = try onlyFinding(in: machine(remote: remote))
            #expect(found.confidence == confidence)
            #expect(found.isLikely == (remote == there))
            #expect(
                found.evidence.hasPrefix(
                    "The peer of server[2] has closed or half-closed the connection, and server[2] has"
                        + " neither sent nor closed since."))
        }
    }

    @Test("a half-closed peer whose program keeps its socket open gives a `possible` finding")
    func halfClosed() throws {
        func withPeer(for time: Duration) -> ModelMachine {
            var model = machine(remote: there, for: time)
            model.program(1, "client")
            model.add(
                MachineSocket(
                    .tcp, cookie: 4, inode: 9, local: there, remote: here,
                    statistics: MeasuredStatistics.quiet().with { $0.state = .finWait2 }), to: 1)
            return model
        }
        let found = try onlyFinding(in: withPeer(for: .seconds(11)))
        #expect(found.confidence == .possible)
        #expect(!found.isLikely)
        #expect(found.evidence.hasPrefix("The peer of server[2] has half-closed"))
        #expect(withPeer(for: .seconds(9)).analysis.findings.isEmpty)
    }

    @Test("a connection with unread or unsent bytes gives no `notClosed` finding")
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

    @Test(
        "a client that closed before it was accepted is reported in the finding about the listener")
    func queued() throws {
        var model = queuedClient(from: nil)
        let found = try onlyFinding(in: model)
        #expect(found.kind == .notAccepting)
        #expect(found.connections.map { $0[0].inode } == [7, 0])
        #expect(
            found.evidence.hasPrefix(
                "1 client waits for server[2] to accept. It has already closed its connection."))

        // The owner is hidden, so the finding about the listener is missing.
        model.change(2) { $0.descriptors = nil }
        let hidden = try onlyFinding(in: model)
        #expect(hidden.kind == .notClosed)
        #expect(
            hidden.evidence == "A client has closed a connection that is not yet accepted.")
    }

    /// Returns a machine with a listener and a client that ended its stream before it was accepted.
    private func queuedClient(from remote: SocketAddress?) -> ModelMachine {
        var model = machine(remote: remote, inode: 0)
        var listener = MachineSocket(.tcp, cookie: 1, inode: 7, local: .ipv4(.any, port: 80))
        listener.isListening = true
        (listener.pendingConnections, listener.backlog) = (1, 128)
        model.add(listener, to: 2)
        return model
    }

    @Test(
        "the evidence says that a queued client closed or half-closed if its socket is not visible")
    func queuedInvisibleClient() throws {
        for remote in [farAway, there] {
            var model = queuedClient(from: remote)
            #expect(
                try onlyFinding(in: model).evidence.hasPrefix(
                    "1 client waits for server[2] to accept. It has already closed or half-closed its"
                        + " connection."))
            model.change(2) { $0.descriptors = nil }
            #expect(
                try onlyFinding(in: model).evidence
                    == "A client has closed or half-closed a connection that is not yet accepted.")
        }
    }

    @Test("a Unix client that closed before it was accepted is reported in the listener's finding")
    func queuedUnix() throws {
        var model = ModelMachine()
        model.program(2, "server")
        var listener = MachineSocket(.unix, cookie: 1, inode: 7)
        listener.isListening = true
        (listener.pendingConnections, listener.backlog) = (2, 128)
        listener.pendingInodes = [0, 0]
        model.add(listener, to: 2)
        let found = try onlyFinding(in: model)
        #expect(found.kind == .notAccepting)
        #expect(
            found.evidence.hasPrefix(
                "2 clients wait for server[2] to accept. 2 of them have already closed their"
                    + " connections."))
    }

    /// Returns a machine with a Unix socket of a server whose both directions have ended.
    private func hungUp(peerInode: UInt32) -> ModelMachine {
        var model = ModelMachine()
        model.program(2, "server")
        var end = MachineSocket(
            .unix, cookie: 3, inode: 8,
            statistics: MeasuredStatistics.unix().with { $0.isHungUp = true })
        end.peerInode = peerInode
        model.add(end, to: 2)
        return model
    }

    @Test("a Unix socket whose peer is closed gives a `notClosed` finding with the observed time")
    func unix() throws {
        let found = try onlyFinding(in: hungUp(peerInode: 0))
        #expect(found.kind == .notClosed)
        #expect(found.isLowerBound)
        #expect(found.blockers == [2])
    }

    @Test("a Unix socket whose peer is closed is watched for 1 s before it is reported")
    func watchedUnix() {
        let model = hungUp(peerInode: 0)
        let brief = Analysis(model.samples(over: .milliseconds(900)))
        #expect(brief.findings.isEmpty)
        #expect(brief.isUndecided)
        let long = Analysis(model.samples(over: .seconds(1)))
        #expect(long.findings.count == 1)
        #expect(!long.isUndecided)
    }

    @Test("a Unix socket whose directions were shut down while both ends are open is not reported")
    func shutDownUnix() {
        let analysis = Analysis(hungUp(peerInode: 9).samples(over: .milliseconds(900)))
        #expect(analysis.findings.isEmpty)
        #expect(!analysis.isUndecided)
        #expect(hungUp(peerInode: 9).analysis.findings.isEmpty)
    }
}
