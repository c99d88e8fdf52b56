import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Text of findings")
struct AnalysisTextTests {
    private func text(_ model: ModelMachine) -> AnalysisText {
        AnalysisText(model.machine, Ownership(model.machine.processes.values))
    }

    private func reason(
        _ change: (inout ModelMachine) -> Void
    ) -> (String, advice: String?) {
        var model = ModelMachine()
        model.program(7, "server")
        model.program(8)
        model.connect(7, 8)
        change(&model)
        return text(model).reason([7], model.sockets[0])
    }

    @Test("a process prints with its name and PID, and an unknown process prints with its PID only")
    func names() {
        var model = ModelMachine()
        model.program(7, "serv\u{1B}er")
        #expect(text(model).names(of: [7, 9]) == "serv\\x1ber[7] or PID 9")
        #expect(text(model).names(of: []) == "a hidden program")
    }

    @Test("the reason why a process does not read says what the process does instead")
    func reasons() {
        func text(_ change: (inout ModelMachine) -> Void) -> String { reason(change).0 }
        #expect(text { $0.change(7) { $0.state = .running } }.contains("is running"))
        #expect(text { $0.change(7) { $0.state = .uninterruptible } }.contains("a disk"))
        #expect(text { $0.change(7) { $0.threads = nil } }.contains("cannot be observed"))
        #expect(text { _ in }.contains("is running"))
        #expect(text { $0.wait(7, in: BlockedCall("futex", .thread)) }.contains("a lock, in futex"))
        #expect(text { $0.wait(7, in: BlockedCall("pause", .signal)) }.contains("a signal"))
        #expect(text { $0.wait(7, in: BlockedCall("wait4", .child(nil))) }.contains("a child"))
        #expect(text { $0.wait(7, in: BlockedCall("fsync", .unknown)) }.contains("is in fsync"))
        #expect(text { $0.read(7, 99) }.contains("waits for descriptor 99, in recvfrom"))
        #expect(text { $0.write(7, 3) }.contains("writes to descriptor 3, in sendto"))
        #expect(
            text {
                $0.read(7, 99)
                $0.read(7, 98, further: true)
            }.contains("has 2 threads, and none of them waits for this connection"))
    }

    @Test("the reason says if a process polls other descriptors, polls to write or ignores bytes")
    func watchers() {
        func text(_ watched: [BlockedCall.WatchedDescriptor]) -> String {
            reason { $0.wait(7, in: BlockedCall("epoll_wait", .descriptors(watched))) }.0
        }
        #expect(text([.init(8, .reading), .init(9, .reading)]).contains("2 descriptors, but not"))
        #expect(text([.init(3, .writing), .init(9, .reading)]).contains("but not to read"))
        #expect(
            text([.init(3, .reading), .init(9, .reading)]).contains(
                "does not read what has arrived"))
    }

    @Test("the reason why a process does not read includes advice only if a remedy is known")
    func advice() {
        #expect(
            reason { $0.change(7) { $0.state = .stopped } }.advice
                == "Let it continue: kill -CONT 7")
        #expect(reason { $0.change(7) { $0.state = .traced } }.advice?.contains("debugger") == true)
        #expect(reason { _ in }.advice == nil)
        #expect(text(ModelMachine()).reason([], nil).0.isEmpty)
    }

    @Test("the call that blocks the owner of a socket is found by descriptor and direction")
    func calls() {
        var model = ModelMachine()
        model.program(7)
        model.write(7, 3)
        let owner = Ownership.Owner(process: 7, descriptor: 3)
        #expect(text(model).call(of: owner, .read) == "sendto")
        #expect(text(model).call(of: owner, .write) == nil)
        // A client that waits to be accepted may read or write in the meantime.
        #expect(text(model).call(of: owner, .accept) == "sendto")
        #expect(text(model).call(of: .init(process: 7, descriptor: 4), .read) == nil)
    }
}
