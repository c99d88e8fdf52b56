import Glibc
import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Reading processes", .ownThread)
struct MachineProcessReadingTests {
    private func ourselves() throws -> MachineProcess {
        try #require(try MachineProcess.all().first { $0.id == getpid() })
    }

    /// Returns the calls in which the threads of this process wait.
    private func calls(_ process: MachineProcess) throws -> [BlockedCall] {
        var process = process
        process.state = .sleeping
        process.readThreads()
        return try #require(process.threads).compactMap(\.call)
    }

    @Test("the test process is listed with its open socket")
    func own() throws {
        let socket = try Socket(.ipv4, .stream)
        let process = try ourselves()
        #expect(process.parent > 0)
        #expect(!process.command.isEmpty)
        guard case .socket? = process.descriptors?[socket.descriptor] else {
            Issue.record("our socket is not seen")
            return
        }
    }

    #if DEBUG
        @Test("a process whose descriptor links are unreadable has nil descriptors")
        func hidden() throws {
            let all = try FaultInjection.during([
                .readlinkat: [FaultInjection.Fault](repeating: .error(.permissionDenied), count: 9)
            ]) { try MachineProcess.all() }
            #expect(all.contains { $0.descriptors == nil })
        }

        @Test("readThreads skips a thread that has ended and reads the other threads")
        func endedThread() throws {
            var process = try ourselves()
            process.state = .sleeping
            // The counters of all threads are read first, and then their system calls.
            let counters = try System.numbers(in: "/proc/self/task").count
            let passes = [FaultInjection.Fault](repeating: .pass, count: counters)
            FaultInjection.during([
                .open: passes + [.error(.noSuchFileOrDirectory), .error(.noSuchProcess)]
            ]) { process.readThreads() }
            #expect(process.threads?.isEmpty == false)
        }

        @Test("MachineProcess.threads is nil if the call of one thread is hidden")
        func hiddenThread() throws {
            var process = try ourselves()
            process.state = .sleeping
            let denied = [FaultInjection.Fault](repeating: .error(.permissionDenied), count: 9999)
            FaultInjection.during([.open: denied]) { process.readThreads() }
            #expect(process.threads == nil)
        }
    #endif

    @Test("kernel threads are not listed")
    func kernel() throws {
        #expect(try MachineProcess.all().allSatisfy { $0.id != 2 && $0.parent != 2 })
    }

    @Test("a thread that waits to read is shown with its call and descriptor")
    func reading() throws {
        let (one, other) = try Socket.pair()
        let reader = Background { try one.receive(atMost: 1) }
        try waitUntilAThreadWaits(on: one)
        let call = try calls(ourselves()).first { call in
            call.wakeCondition == .descriptors([.init(one.descriptor, .reading)])
        }
        #expect(call?.name == "recvfrom")
        #expect(call?.hasTimeout == false)
        try other.sendAll("x")
        _ = try reader.value()
    }

    @Test("a thread in poll is shown with its descriptors and its timeout")
    func polling() throws {
        let (one, other) = try Socket.pair()
        let silent = try Loopback.udp()
        let poller = Background {
            var requests = [
                PollRequest(descriptor: one.descriptor, isForWriting: false),
                PollRequest(descriptor: silent.descriptor, isForWriting: false),
            ]
            try System.poll(&requests, milliseconds: 20_000)
        }
        try waitUntilAThreadWaits(on: one)
        let wanted = BlockedCall.WatchedDescriptor(one.descriptor, .reading)
        let call = try calls(ourselves()).first { call in
            guard case .descriptors(let watched) = call.wakeCondition else { return false }
            return watched.contains(wanted)
        }
        #expect(call?.wakeCondition == .descriptors([wanted, .init(silent.descriptor, .reading)]))
        #expect(call?.hasTimeout == true)
        try other.sendAll("x")
        try poller.value()
    }

    @Test("the threads of a running process are not read")
    func running() throws {
        var process = try ourselves()
        process.state = .running
        process.readThreads()
        #expect(process.threads == nil)
        #expect(process.runCounter ?? 1 > 0)
    }

    @Test("the effective user is the second number of the line `Uid:`")
    func user() {
        func user(_ text: String) -> UInt32? { MachineProcess.user(status: Array(text.utf8)) }
        #expect(user("Name:\tUid:\nUid:\t1000\t33\t1000\t1000\nGid:\t5\t6\t7\t8\n") == 33)
        #expect(user("Uid:\t1000\n") == nil)
        #expect(user("Name:\tsh\n") == nil)
        #expect(MachineProcess.user(of: getpid()) == geteuid())
        #expect(MachineProcess.user(of: .max) == nil)
    }
}
