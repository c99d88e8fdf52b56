import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Looking at programs", .ownThread)
struct MachineProcessLookingTests {
    private func ourselves() throws -> MachineProcess {
        try #require(try MachineProcess.all().first { $0.id == System.getpid() })
    }

    /// The calls in which our threads wait, when the main one sleeps.
    ///
    /// Other tests end threads of this process, and a look fails at a thread that has just ended. So
    /// this looks until it has seen all threads.
    private func calls(_ process: MachineProcess) throws -> [BlockedCall] {
        var process = process
        process.state = .sleeping
        let deadline = ContinuousClock.now + .seconds(10)
        repeat {
            process.lookAtThreads()
        } while process.threads == nil && ContinuousClock.now < deadline
        return try #require(process.threads).compactMap(\.call)
    }

    @Test("we are among those that run, with our sockets")
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
        @Test("descriptors of which we may not see where they lead are hidden, not absent")
        func hidden() throws {
            let all = try FaultInjection.during([
                .readlinkat: [FaultInjection.Fault](repeating: .error(.permissionDenied), count: 9)
            ]) { try MachineProcess.all() }
            #expect(all.contains { $0.descriptors == nil })
        }
    #endif

    @Test("threads of the kernel are left out")
    func kernel() throws {
        #expect(try MachineProcess.all().allSatisfy { $0.id != 2 && $0.parent != 2 })
    }

    @Test("a thread that waits to read is seen in its call, on its descriptor")
    func reading() throws {
        let (one, other) = try Socket.pair()
        let reader = Background { try one.receive(atMost: 1) }
        try waitUntilAThreadWaits(on: one)
        let call = try calls(ourselves()).first { call in
            call.waiting == .descriptors([.init(one.descriptor, .reading)])
        }
        #expect(call?.name == "recvfrom")
        #expect(call?.hasLimit == false)
        try other.sendAll("x")
        _ = try reader.value()
    }

    @Test("a thread that polls is seen with what it polls, and with its limit")
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
        let wanted = BlockedCall.Watched(one.descriptor, .reading)
        let call = try calls(ourselves()).first { call in
            guard case .descriptors(let watched) = call.waiting else { return false }
            return watched.contains(wanted)
        }
        #expect(call?.waiting == .descriptors([wanted, .init(silent.descriptor, .reading)]))
        #expect(call?.hasLimit == true)
        try other.sendAll("x")
        try poller.value()
    }

    @Test("of a program that runs the threads are not looked at")
    func running() throws {
        var process = try ourselves()
        process.state = .running
        process.lookAtThreads()
        #expect(process.threads == nil)
        #expect(process.turns ?? 1 > 0)
    }
}
