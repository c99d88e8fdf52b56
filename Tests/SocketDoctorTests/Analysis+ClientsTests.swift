import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Clients that are not accepted")
struct AnalysisClientsTests {
    @Test("a client that is unaccepted in both samples gives a `notAccepting` finding (`likely`)")
    func unaccepted() throws {
        var model = ModelMachine()
        model.program(1, "client")
        model.program(2, "server")
        var listener = MachineSocket(.tcp, cookie: 1, inode: 7, local: .ipv4(.any, port: 80))
        listener.isListening = true
        (listener.pendingConnections, listener.backlog) = (1, 128)
        model.add(listener, to: 2)
        let (here, there) = (
            SocketAddress.ipv4(.loopback, port: 4000), SocketAddress.ipv4(.loopback, port: 80)
        )
        let quiet = MeasuredStatistics.quiet()
        model.add(
            MachineSocket(.tcp, cookie: 2, inode: 8, local: here, remote: there, statistics: quiet),
            to: 1)
        model.add(
            MachineSocket(
                .tcp, cookie: 3, inode: 0, local: there, remote: here,
                statistics: quiet.with { $0.receiveQueue = 5 }))
        let found = try onlyFinding(in: model)
        #expect(found.kind == .notAccepting)
        #expect(found.confidence == .likely)
        #expect(found.blockers == [2])
        #expect(found.edges.map(\.waiter) == [1])
        #expect(found.edges.map(\.action) == [.accept])

        // The earlier sample contains other clients, so no client has waited in both samples.
        var samples = model.samples()
        samples.earlier?.sockets.removeLast(2)
        #expect(Analysis(samples).findings.isEmpty)
    }

    @Test("a full backlog gives a `notAccepting` finding (`certain`) even without a visible client")
    func full() throws {
        var model = ModelMachine()
        model.program(2, "server")
        var listener = MachineSocket(.tcp, cookie: 1, inode: 7, local: .ipv4(.any, port: 80))
        listener.isListening = true
        (listener.pendingConnections, listener.backlog) = (129, 128)
        model.add(listener, to: 2)
        let found = try onlyFinding(in: model)
        #expect(found.kind == .notAccepting)
        #expect(found.confidence == .certain)
    }

    /// Returns a machine whose server does not accept clients, and with one client that connects.
    private func connecting(
        to remote: SocketAddress, waiting: Int, state: ConnectionStatistics.State = .synSent
    ) -> ModelMachine {
        var model = ModelMachine()
        model.program(1, "client")
        model.program(2, "server")
        var listener = MachineSocket(.tcp, cookie: 1, inode: 7, local: .ipv4(.any, port: 80))
        listener.isListening = true
        (listener.pendingConnections, listener.backlog) = (waiting, 1)
        model.add(listener, to: 2)
        let local =
            remote.ip?.isLoopback == true ? IPv4Address.loopback : IPv4Address(192, 0, 2, 1)
        let client = MachineSocket(
            .tcp, cookie: 2, inode: 8, local: .ipv4(local, port: 4000), remote: remote,
            statistics: MeasuredStatistics.quiet().with {
                ($0.state, $0.retransmissions, $0.backoff) = (state, 3, 0)
                ($0.sendQueue, $0.unacknowledgedSegments) = (1, 1)
                $0.retransmissionTimeout = .seconds(1)
                $0.timeToRetransmission = .milliseconds(500)
                if state == .synSent {
                    ($0.timeSinceLastSend, $0.timeSinceLastReceive) = (nil, nil)
                }
                $0.timeSinceLastAcknowledgement = state == .synSent ? nil : .seconds(60)
            })
        model.add(client, to: 1)
        return model
    }

    private let server = SocketAddress.ipv4(.loopback, port: 80)

    @Test(
        "a local client without an answer gives a `notAccepting` finding if the backlog is full",
        arguments: [ConnectionStatistics.State.synSent, .established])
    func ignored(state: ConnectionStatistics.State) throws {
        let found = try onlyFinding(in: connecting(to: server, waiting: 2, state: state))
        #expect(found.kind == .notAccepting)
        #expect(found.confidence == .certain)
        #expect(found.stallDuration == .milliseconds(3_500))
        #expect(!found.isLowerBound)
        #expect(found.edges.map(\.waiter) == [1])
        #expect(
            found.evidence.hasPrefix(
                "2 clients wait for server[2] to accept, the backlog is full, and 1 more client gets no"
                    + " answer."))
    }

    @Test("a local client without an answer gives a `networkLost` finding if the backlog has room")
    func dropped() throws {
        let found = try onlyFinding(in: connecting(to: server, waiting: 0))
        #expect(found.kind == .networkLost)
        #expect(found.stallDuration == .milliseconds(3_500))
        #expect(
            found.advice
                == "Check the firewall of this machine, because the peer's address belongs to it.")
    }

    @Test(
        "an unanswered client of a remote server gives `networkLost` despite a full local backlog")
    func remote() {
        let model = connecting(to: .ipv4(IPv4Address(192, 0, 2, 7), port: 80), waiting: 2)
        let findings = model.analysis.findings
        #expect(findings.map(\.kind) == [.networkLost, .notAccepting])
        #expect(findings[0].advice.contains("firewall may be dropping packets"))
        #expect(findings[1].evidence.hasPrefix("2 clients wait"))
    }

    @Test("the time of a `notAccepting` finding is the time since the first client was queued")
    func queued() throws {
        var model = connecting(to: server, waiting: 1)
        model.add(
            MachineSocket(
                .tcp, cookie: 3, inode: 0, local: server,
                remote: .ipv4(.loopback, port: 4001),
                statistics: MeasuredStatistics.quiet(for: .seconds(70))))
        let found = try #require(model.analysis.findings.first { $0.kind == .notAccepting })
        #expect(found.stallDuration == .seconds(70))
    }

    @Test("all clients of a stopped listener are combined in one `notAccepting` finding")
    func stopped() throws {
        var model = ModelMachine()
        model.program(2, "server", state: .stopped)
        var listener = MachineSocket(.unix, cookie: 1, inode: 7)
        listener.isListening = true
        (listener.pendingConnections, listener.backlog) = (5, 128)
        listener.pendingInodes = [11, 12, 13, 14, 15]
        model.add(listener, to: 2)
        for id: Int32 in 11...15 {
            model.program(id, "client")
            var client = MachineSocket(
                .unix, cookie: UInt64(id), inode: UInt32(id), statistics: MeasuredStatistics.unix())
            client.peerInode = 0
            model.read(id, model.add(client, to: id))
        }
        let found = try onlyFinding(in: model)
        #expect(found.kind == .notAccepting)
        #expect(found.edges.count == 3)
        #expect(found.advice == "Let it continue: kill -CONT 2")
        #expect(found.evidence.hasPrefix("5 clients wait for server[2] to accept."))
    }
}
