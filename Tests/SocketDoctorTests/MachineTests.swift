import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Owners of sockets")
struct MachineTests {
    @Test("owners(of:) lists every descriptor of a shared socket, sorted by process")
    func several() {
        var model = ModelMachine()
        model.program(20)
        model.program(10)
        model.add(MachineSocket(.tcp, cookie: 1, inode: 5), to: 20)
        _ = model.open(10, 5)
        _ = model.open(10, 5)
        let ownership = Ownership(model.machine.processes.values)
        #expect(
            ownership.owners(of: model.sockets[0]) == [
                .init(process: 10, descriptor: 3), .init(process: 10, descriptor: 4),
                .init(process: 20, descriptor: 3),
            ])
        #expect(!ownership.isIncomplete)
    }

    @Test("a socket without an inode has no owner, even if a descriptor refers to inode 0")
    func noProcess() {
        var model = ModelMachine()
        model.program(10)
        model.add(MachineSocket(.tcp, cookie: 1, inode: 0), to: 10)
        #expect(Ownership(model.machine.processes.values).owners(of: model.sockets[0]).isEmpty)
    }

    @Test("Ownership.isIncomplete is true if a process hides its descriptors")
    func hidden() {
        #expect(Ownership([MachineProcess(id: 1, name: "a", descriptors: nil)]).isIncomplete)
    }

    @Test("holders(ofPipe:) returns every process that has the pipe open")
    func pipes() {
        let processes = [1, 2].map {
            MachineProcess(id: $0, name: "a", descriptors: [0: .pipe(inode: 9), 1: .eventfd])
        }
        #expect(Ownership(processes).holders(ofPipe: 9) == [1, 2])
        #expect(Ownership(processes).holders(ofPipe: 8).isEmpty)
    }
}
