import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Callers that nobody accepts")
struct ExaminationCallersTests {
    private func only(_ model: ModelMachine) throws -> Finding {
        let ailments = model.examination.ailments
        #expect(ailments.count == 1, "\(ailments.map(\.kind))")
        return try #require(ailments.first)
    }

    @Test("callers that nobody accepts, at both looks, are told of their listener")
    func unaccepted() throws {
        var model = ModelMachine()
        model.program(1, "client")
        model.program(2, "server")
        var listener = MachineSocket(.tcp, cookie: 1, inode: 7, local: .ipv4(.any, port: 80))
        listener.isListening = true
        (listener.callers, listener.backlog) = (1, 128)
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
        #expect(found.culprits == [2])
        #expect(found.links.map(\.waiter) == [1])
        #expect(found.links.map(\.deed) == [.accept])

        // Other callers than before: they come and go.
        var survey = model.survey()
        survey.earlier?.sockets.removeLast(2)
        #expect(Analysis(survey).ailments.isEmpty)
    }

    @Test("a full queue of callers is certain, also without one that is seen")
    func full() throws {
        var model = ModelMachine()
        model.program(2, "server")
        var listener = MachineSocket(.tcp, cookie: 1, inode: 7, local: .ipv4(.any, port: 80))
        listener.isListening = true
        (listener.callers, listener.backlog) = (129, 128)
        model.add(listener, to: 2)
        let found = try only(model)
        #expect(found.kind == .notAccepting)
        #expect(found.confidence == .certain)
    }

    @Test(
        "callers who wait to be accepted by a program that was stopped are told with it, and once")
    func stopped() throws {
        var model = ModelMachine()
        model.program(2, "server", state: .stopped)
        var listener = MachineSocket(.unix, cookie: 1, inode: 7)
        listener.isListening = true
        (listener.callers, listener.backlog) = (5, 128)
        listener.callerInodes = [11, 12, 13, 14, 15]
        model.add(listener, to: 2)
        for id: Int32 in 11...15 {
            model.program(id, "client")
            var caller = MachineSocket(
                .unix, cookie: UInt64(id), inode: UInt32(id), statistics: MeasuredStatistics.unix())
            caller.peerInode = 0
            model.read(id, model.add(caller, to: id))
        }
        let found = try only(model)
        #expect(found.kind == .notAccepting)
        #expect(found.links.count == 3)
        #expect(found.advice == "Let it go on: kill -CONT 2")
        #expect(found.evidence.hasPrefix("5 callers wait for server[2] to accept."))
    }
}
