import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Clients that are not accepted")
struct AnalysisClientsTests {
    private func only(_ model: ModelMachine) throws -> Finding {
        let findings = model.analysis.findings
        #expect(findings.count == 1, "\(findings.map(\.kind))")
        return try #require(findings.first)
    }

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
        let found = try only(model)
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
        let found = try only(model)
        #expect(found.kind == .notAccepting)
        #expect(found.confidence == .certain)
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
        let found = try only(model)
        #expect(found.kind == .notAccepting)
        #expect(found.edges.count == 3)
        #expect(found.advice == "Let it continue: kill -CONT 2")
        #expect(found.evidence.hasPrefix("5 clients wait for server[2] to accept."))
    }
}
