import Glibc
import SystemPackage
import Testing

@testable import Sockets

/// Passes descriptors between sockets while each system call of a pass fails in turn.
///
/// After each pass, the open descriptors are the same as before and no message between sockets
/// contains a descriptor, so none was lost. None was closed twice either: a second close(2) would
/// fail with `EBADF`, which ends the program, or would close another descriptor, which would then
/// be missing.
///
/// The passes run in a child process, because other tests open descriptors too. `SOCKETS_FAULTS=1`
/// runs 10,000 passes instead of 1,000.
@Suite("Descriptors are neither lost nor closed twice", .ownThread)
struct DescriptorFaultTests {
    private static let passes = Environment.number("SOCKETS_FAULTS") == nil ? 1_000 : 10_000

    @Test("no descriptor is lost or closed twice if any system call of a pass fails")
    func everyCall() async throws {
        let outcome = await #expect(
            processExitsWith: .success, observing: [\.standardOutputContent]
        ) {
            await Self.run()
        }
        print(String(decoding: try #require(outcome).standardOutputContent, as: UTF8.self))
    }

    /// Makes each call of each pass fail, with one error code per round, until enough passes ran.
    private static func run() async {
        await startLoops()
        var passes = 0
        var failures = 0
        for round in 0... {
            let code = codes[round % codes.count]
            for pass in DescriptorPass.all {
                for call in calls {
                    for position in 0..<(call == .epoll_ctl ? pass.registrations : .max) {
                        let script = Array(repeating: FaultInjection.Fault.pass, count: position)
                        let faults = FaultInjection([call: script + [.error(code)]])
                        // SIGALRM ends a hanging process.
                        alarm(60)
                        let hasFailed = await fails(
                            pass, faults, "\(pass.name): \(call) \(position) with \(code)")
                        guard faults.remaining(of: call) == 0 else { break }
                        passes += 1
                        failures += hasFailed ? 1 : 0
                    }
                }
            }
            guard passes < Self.passes else { break }
        }
        alarm(0)
        precondition(failures > 0 && failures < passes)
        print("descriptors: \(passes) passes, \(failures) failed, none lost or closed twice")
    }

    /// Runs a pass and returns whether it failed.
    ///
    /// Traps if a descriptor is left, or if the pass took more than five seconds.
    private static func fails(
        _ pass: DescriptorPass, _ faults: FaultInjection, _ name: String
    ) async -> Bool {
        let before = targetsOfOpenDescriptors()
        let start = ContinuousClock.now
        var hasFailed = false
        do {
            let pipe = try WatchedPipe()
            do {
                try await FaultInjection.$current.withValue(faults) {
                    try await pass.run(pipe.reader)
                }
            } catch {
                hasFailed = true
            }
            let took = start.duration(to: .now)
            precondition(took < .seconds(5), "\(name): it took \(took)")
            try pipe.reader.close()
            let isReleased = await eventually { !pipe.hasReader }
            precondition(isReleased, "\(name): a descriptor of the pipe is left")
        } catch {
            fatalError("\(name): \(error)")
        }
        let isRestored = await eventually { targetsOfOpenDescriptors() == before }
        precondition(isRestored, "\(name): \(targetsOfOpenDescriptors()) after \(before)")
        return hasFailed
    }

    /// The injected errors, without `EAGAIN`.
    ///
    /// The kernel reports `EAGAIN` only if an event will follow, and the waiting task relies on
    /// that event.
    private static let codes: [Errno] = [
        .noMemory, .interrupted, .tooManyOpenFiles, .invalidArgument, .connectionReset,
        .notPermitted,
    ]

    /// The calls that can fail.
    ///
    /// close(2) is left out, because after an injected error the descriptor would stay open. The
    /// other three are calls of the loop, which cannot fail.
    private static let calls = Set(SystemCall.allCases)
        .subtracting([.close, .epoll_wait, .read, .write])
        .sorted { $0.rawValue < $1.rawValue }
}

/// A sequence of operations that passes a descriptor of a pipe to another socket.
private struct DescriptorPass: Sendable {
    let name: String
    /// The number of sources that a successful pass registers before it deregisters the first.
    ///
    /// Only these calls of epoll_ctl(2) get an error, because the kernel never fails to deregister.
    var registrations = 0
    let run: @Sendable (_ descriptor: FileDescriptor) async throws -> Void

    static let all = blocking + asynchronous

    private static let blocking = SocketPassingDescriptorsTests.types.map { type in
        DescriptorPass(name: "Socket \(type)") { try pass($0, between: Socket.pair(type)) }
    }

    private static let asynchronous = [
        DescriptorPass(name: "Connection", registrations: 4) {
            try await pass($0, between: Connection.pair())
        },
        DescriptorPass(name: "PacketConnection", registrations: 4) {
            try await pass($0, between: PacketConnection.pair())
        },
        DescriptorPass(name: "Listener", registrations: 6) { try await passWithListener($0) },
        DescriptorPass(name: "DatagramChannel", registrations: 2) {
            try await passWithChannel($0)
        },
    ]

    private static func pass(
        _ descriptor: FileDescriptor, between pair: (Socket, Socket)
    ) throws {
        let (one, other) = pair
        let copy = try one.duplicate()
        try one.withFileDescriptor { _ = try copy.send("x", descriptors: [$0, descriptor]) }
        var message = try other.receive(descriptorsAtMost: 2, timeout: .seconds(10))
        let adopted = try adopt(message.takeDescriptor())
        _ = try adopted.peerCredentials
        try adopted.peerProcess().close()
        try adopted.release().close()
        try one.release().close()
        try copy.send("y", descriptors: [descriptor, descriptor])
        do {
            _ = try other.receive(descriptorsAtMost: 1, timeout: .seconds(10))
        } catch {
            // The message has more descriptors than the limit.
        }
        try copy.send("z", descriptors: [descriptor])
    }

    private static func pass(
        _ descriptor: FileDescriptor, between pair: (Connection, Connection)
    ) async throws {
        let (one, other) = pair
        let copy = try one.duplicate()
        try await one.withFileDescriptor {
            try await copy.send("x", descriptors: [$0, descriptor])
        }
        var message = try await other.receive(descriptorsAtMost: 2, timeout: .seconds(10))
        let adopted = try Connection(adopting: try adopt(message.takeDescriptor()))
        _ = try adopted.peerCredentials
        try adopted.peerProcess().close()
        try adopted.release().close()
        try one.release().close()
        try await copy.send("y", descriptors: [descriptor, descriptor])
        do {
            _ = try await other.receive(descriptorsAtMost: 1, timeout: .seconds(10))
        } catch {
            // The message has more descriptors than the limit.
        }
        try await copy.send("z", descriptors: [descriptor])
    }

    private static func pass(
        _ descriptor: FileDescriptor, between pair: (PacketConnection, PacketConnection)
    ) async throws {
        let (one, other) = pair
        let copy = try one.duplicate()
        try await one.withFileDescriptor {
            try await copy.send("x", descriptors: [$0, descriptor])
        }
        var message = try await other.message(descriptorsAtMost: 2)
        let adopted = try PacketConnection(adopting: try adopt(message.takeDescriptor()))
        _ = try adopted.peerCredentials
        try adopted.peerProcess().close()
        try adopted.release().close()
        try one.release().close()
        // A receive without `descriptorsAtMost:` discards descriptors.
        try await copy.send("", descriptors: [descriptor])
        _ = try await other.receive(timeout: .seconds(10))
        try await copy.send("y", descriptors: [descriptor, descriptor])
        do {
            _ = try await other.message(descriptorsAtMost: 1)
        } catch {
            // The message has more descriptors than the limit.
        }
        try await copy.send("z", descriptors: [descriptor])
    }

    /// Passes the descriptor together with that of a listener, and accepts a client with the
    /// received listener.
    private static func passWithListener(_ descriptor: FileDescriptor) async throws {
        let (one, other) = try Connection.pair()
        let listener = try Listener(on: Loopback.ipv4)
        try await listener.withFileDescriptor {
            try await one.send("x", descriptors: [$0, descriptor])
        }
        var message = try await other.receive(descriptorsAtMost: 2, timeout: .seconds(10))
        let received = try Listener(adopting: try adopt(message.takeDescriptor()))
        let copy = try received.duplicate()
        let client = try Socket(to: listener.localAddress)
        let server = try await copy.accept(timeout: .seconds(10))
        try await server.write("y")
        _ = try client.receive(timeout: .seconds(10))
        try received.release().close()
        try copy.release().close()
    }

    /// Receives the descriptor with a datagram, while a channel has a duplicate.
    private static func passWithChannel(_ descriptor: FileDescriptor) async throws {
        let (one, other) = try Socket.pair(.datagram)
        let channel = try DatagramChannel(adopting: one)
        let copy = try channel.duplicate()
        // Do not send the channel's own descriptor to it, because its queue would keep it open.
        try channel.withFileDescriptor { _ in
            _ = try other.send("x", descriptors: [descriptor])
        }
        // Receiving a datagram discards its descriptors.
        _ = try await copy.receive(timeout: .seconds(10))
        try channel.release().close()
        try copy.release().close()
    }

    /// Returns a socket that owns the descriptor; closes the descriptor if that fails.
    private static func adopt(_ descriptor: FileDescriptor?) throws -> Socket {
        guard let descriptor else { fatalError("the message has no descriptor") }
        do {
            return try Socket(adopting: descriptor)
        } catch {
            try descriptor.close()
            throw error
        }
    }
}
