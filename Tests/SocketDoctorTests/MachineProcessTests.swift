import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("MachineProcess")
struct MachineProcessTests {
    private func process(_ stat: String) -> MachineProcess? {
        MachineProcess(stat: Array(stat.utf8))
    }

    @Test("the number, name, state and parent of a process are parsed from its stat line")
    func stat() throws {
        let found = try #require(process("4711 (python3) S 17 4711 4711 0 -1"))
        #expect(found.id == 4711)
        #expect(found.shownName == "python3")
        #expect(found.parent == 17)
        #expect(found.state == .sleeping)
        #expect(found.description == "python3[4711]")
    }

    @Test("a process name with parentheses, spaces and control characters is parsed completely")
    func strangeNames() throws {
        let found = try #require(process("1 (a) R 9 (\u{1B}[2J)) T 5 0"))
        #expect(found.state == .stopped)
        #expect(found.parent == 5)
        #expect(found.shownName == "a) R 9 (\\x1b[2J)")
    }

    @Test(
        "a malformed stat line is parsed as nil",
        arguments: ["", "1", "1 (a", "1 a) S 2", "x (a) S 2", "1 (a) S", "1 (a)", ") 1 ("])
    func malformed(text: String) {
        #expect(process(text) == nil)
    }

    @Test("each state letter of a stat line is decoded to a process state")
    func states() {
        let states = "RSIDTtZX?".utf8.map { MachineProcess.State(letter: $0) }
        #expect(
            states == [
                .running, .sleeping, .sleeping, .uninterruptible, .stopped, .traced, .ended, .ended,
                .unknown,
            ])
    }

    @Test("descriptor links of sockets, pipes, eventfds and epoll instances are decoded")
    func targets() {
        func target(_ link: String) -> MachineProcess.DescriptorTarget? {
            MachineProcess.DescriptorTarget(link: Array(link.utf8))
        }
        #expect(target("socket:[4026]") == .socket(inode: 4026))
        #expect(target("pipe:[1]") == .pipe(inode: 1))
        #expect(target("anon_inode:[eventfd]") == .eventfd)
        #expect(target("anon_inode:[eventpoll]") == .epoll)
        for link in [
            "", "/dev/null", "socket:[", "socket:[]", "socket:[-1]", "socket:[99999999999]",
        ] {
            #expect(target(link) == nil, "\(link)")
        }
    }

    @Test("a process matches its name, its truncated name and its command path")
    func names() {
        var process = MachineProcess(id: 1, name: "a-very-long-nam")
        process.command = Array("/usr/bin/a-very-long-name".utf8)
        #expect(process.isCalled("a-very-long-name"))
        #expect(process.isCalled("a-very-long-nam"))
        #expect(process.isCalled("/usr/bin/a-very-long-name"))
        #expect(!process.isCalled("a-very"))
        #expect(!process.isCalled(""))
        #expect(!MachineProcess(id: 1, name: "").isCalled(""))
    }

    @Test("descriptors(of:) returns the sorted descriptors of a socket")
    func descriptors() {
        let process = MachineProcess(
            id: 1, name: "a",
            descriptors: [9: .socket(inode: 5), 3: .socket(inode: 5), 4: .pipe(inode: 5)])
        #expect(process.descriptors(of: 5) == [3, 9])
        #expect(process.descriptors(of: 6).isEmpty)
        #expect(MachineProcess(id: 1, name: "a", descriptors: nil).descriptors(of: 5).isEmpty)
    }

    @Test("runCounter is the processor time plus the time slices, or nil if both are 0")
    func runCounter() {
        #expect(MachineThread.runCounter(schedstat: Array("45 325734 41\n".utf8)) == 86)
        #expect(MachineThread.runCounter(schedstat: Array("0 0 0\n".utf8)) == nil)
        #expect(MachineThread.runCounter(schedstat: Array("1 2\n".utf8)) == nil)
        #expect(MachineThread.runCounter(schedstat: []) == nil)
    }
}
