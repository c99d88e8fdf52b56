import Glibc
import SystemPackage
import Testing

@testable import Sockets

/// Sockets that this process shares with another one, for which a duplicate of the descriptor stands.
@Suite("Shared sockets", .ownThread)
struct SharedSocketTests {
    private static let endpoints: [Endpoint] = [
        .tcp("127.0.0.1", port: 0), .tcp("::1", port: 0), .unix("@" + Loopback.unixPath()),
        .unixSequencedPacket("@" + Loopback.unixPath()),
    ]

    @Test(
        "closing a listening socket during accept keeps the socket open in other processes",
        arguments: endpoints)
    func listening(endpoint: Endpoint) throws {
        let socket = try Socket(on: endpoint)
        let other = Descriptor(dup(socket.descriptor))
        let adopted = try (0..<2).map { _ in
            try Socket(adopting: FileDescriptor(rawValue: dup(other.number)))
        }
        for (own, limit) in zip(adopted + [socket], [TimeLimit.never, .seconds(30), .never]) {
            let accepting = Background { try own.accept(timeout: limit) }
            try waitUntilAThreadWaits(on: own)
            own.close()
            let error = #expect(throws: SocketError.self) { try accepting.value() }
            #expect(error?.cause == .closed)
        }
        let client = try Socket(to: try address(of: other), type: socket.type)
        let accepted = Descriptor(try System.acceptNext(other.number).descriptor)
        try client.send("x")
        #expect(try System.recv(accepted.number, atMost: 1) == "x")
    }

    @Test("close wakes every thread that waits in accept")
    func severalThreads() throws {
        let socket = try Socket(on: .tcp("127.0.0.1", port: 0))
        let accepting = (0..<3).map { _ in Background { try socket.accept() } }
        try waitUntilAThreadWaits(on: socket)
        socket.close()
        for thread in accepting {
            let error = #expect(throws: SocketError.self) { try thread.value() }
            #expect(error?.cause == .closed)
        }
    }

    @Test("close ends accept even if no descriptor is free for the wakeup")
    func withoutDescriptors() throws {
        let socket = try Socket(on: .tcp("127.0.0.1", port: 0))
        let accepting = Background {
            let faults =
                [SystemCall.eventfd: Array(repeating: .error(.tooManyOpenFiles), count: 99)]
                as [SystemCall: [FaultInjection.Fault]]
            _ = try FaultInjection.during(faults) { try socket.accept() }
        }
        try waitUntilAThreadWaits(on: socket)
        socket.close()
        let error = #expect(throws: SocketError.self) { try accepting.value() }
        #expect(error?.cause == .closed)
    }

    private static let datagramEndpoints: [Endpoint] = [
        .udp("127.0.0.1", port: 0), .udp("::1", port: 0), .udp(port: 0),
        .unixDatagram("@" + Loopback.unixPath()),
    ]

    @Test(
        "closing an adopted datagram socket during receive keeps it open in other processes",
        arguments: datagramEndpoints, [TimeLimit.never, .seconds(30)])
    func datagrams(endpoint: Endpoint, limit: TimeLimit) throws {
        let bound = try Socket(on: endpoint)
        let other = Descriptor(dup(bound.descriptor))
        let own = try Socket(adopting: try bound.release())
        let receiving = Background { try own.receiveFrom(timeout: limit) }
        try waitUntilAThreadWaits(on: own)
        own.close()
        let error = #expect(throws: SocketError.self) { try receiving.value() }
        #expect(error?.cause == .closed)
        #expect(throws: Errno.wouldBlock) { try System.recv(other.number, atMost: 1, .dontWait) }
        let target = try address(of: other)
        let sender = try Socket(to: target, type: .datagram)
        try sender.send("x")
        #expect(try System.recv(other.number, atMost: 1, .dontWait) == "x")
    }

    @Test(
        "closing a channel during receive keeps its socket open in other processes",
        arguments: datagramEndpoints)
    func channels(endpoint: Endpoint) async throws {
        let bound = try Socket(on: endpoint)
        let other = Descriptor(dup(bound.descriptor))
        let channel = try DatagramChannel(adopting: bound)
        let receiving = Task { try await channel.receive() }
        await channel.untilReading()
        channel.close()
        let error = await #expect(throws: SocketError.self) { try await receiving.value }
        #expect(error?.cause == .closed)
        #expect(throws: Errno.wouldBlock) { try System.recv(other.number, atMost: 1, .dontWait) }
        let sender = try Socket(to: try address(of: other), type: .datagram)
        try sender.send("x")
        #expect(try System.recv(other.number, atMost: 1, .dontWait) == "x")
    }

    @Test(
        "closing a duplicated datagram socket while a thread receives leaves the duplicate usable")
    func duplicatedDatagrams() throws {
        let socket = try Socket(on: .udp("127.0.0.1", port: 0))
        let duplicate = try socket.duplicate()
        let receiving = Background { try socket.receiveFrom() }
        try waitUntilAThreadWaits(on: socket)
        socket.close()
        let error = #expect(throws: SocketError.self) { try receiving.value() }
        #expect(error?.cause == .closed)
        try Socket(to: duplicate.localAddress, type: .datagram).send("x")
        #expect(try duplicate.receive(timeout: .seconds(5)) == [0x78])
    }

    @Test(
        "adopting keeps the blocking mode, and calls wait in both modes", arguments: [true, false],
        [SocketType.stream, .datagram])
    func mode(isBlocking: Bool, type: SocketType) throws {
        let (one, other) = try Socket.pair(type)
        let descriptor = try one.release()
        if !isBlocking { _ = fcntl(descriptor.rawValue, F_SETFL, O_NONBLOCK) }
        let shared = Descriptor(dup(descriptor.rawValue))
        let adopted = try Socket(adopting: descriptor)
        let receiving = Background { try adopted.receive(atMost: 8) }
        try waitUntilAThreadWaits(on: adopted)
        #expect(shared.isBlocking == isBlocking)
        try other.send("x")
        #expect(try receiving.value() == [0x78])
        let error = #expect(throws: SocketError.self) {
            try adopted.receive(atMost: 8, timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        #expect(shared.isBlocking == isBlocking)
        let released = Descriptor(try adopted.release().rawValue)
        #expect(released.isBlocking == isBlocking)
    }

    @Test(
        "adopting a socket for tasks keeps its blocking mode, and tasks wait in both modes",
        arguments: [true, false])
    func modeInTasks(isBlocking: Bool) async throws {
        let (one, other) = try Socket.pair()
        let (sender, receiver) = try Socket.pair(.datagram)
        let streams = try one.release()
        let datagrams = try receiver.release()
        for descriptor in [streams, datagrams] where !isBlocking {
            _ = fcntl(descriptor.rawValue, F_SETFL, O_NONBLOCK)
        }
        let shared = [streams, datagrams].map { Descriptor(dup($0.rawValue)) }
        let group = try LoopGroup(loops: 1)
        defer { group.shutdown() }
        let connection = try Connection(adopting: Socket(adopting: streams), group: group)
        let channel = try DatagramChannel(adopting: Socket(adopting: datagrams), group: group)
        async let bytes = connection.read()
        async let datagram = channel.receive()
        // Both tasks wait, so the loop must be free for this one.
        for _ in 0..<3 { await Task(executorPreference: group.executors[0]) {}.value }
        try other.send("x")
        try sender.send("y")
        #expect(try await bytes == [0x78])
        #expect(try await datagram.text == "y")

        // The peer does not read, so a call that waited in the kernel would hold the loop up.
        let error = await #expect(throws: SocketError.self) {
            try await connection.write(
                [UInt8](repeating: 0, count: 1 << 23), timeout: .milliseconds(50))
        }
        #expect(error?.isTimeout == true)
        #expect(shared.map(\.isBlocking) == [isBlocking, isBlocking])
    }

    @Test("sendFile on an adopted socket does not hold the loop up")
    func sendFile() async throws {
        let (one, other) = try Socket.pair()
        let connection = try Connection(adopting: one)
        let path = Loopback.unixPath()
        let file = try FileDescriptor.open(
            FilePath(path), .readWrite, options: [.create], permissions: .ownerReadWrite)
        unlink(path)
        defer { try? file.close() }
        #expect(ftruncate(file.rawValue, 1 << 23) == 0)
        let error = await #expect(throws: SocketError.self) {
            try await connection.sendFile(file, timeout: .milliseconds(50))
        }
        #expect(error?.isTimeout == true)
        withExtendedLifetime(other) {}
    }

    private func address(of descriptor: Descriptor) throws -> SocketAddress {
        let address = SocketAddress(try System.getsockname(descriptor.number))
        switch address {
        case .ipv6(.any, let port): return .ipv6(.loopback, port: port)
        default: return address
        }
    }
}
