import SystemPackage
import Testing

@testable import Sockets

@Suite("DatagramChannel: sending", .ownThread, .timeLimit(.minutes(5)))
struct DatagramChannelSendingTests {
    @Test("send sends spans, arrays and strings to an address and to the connected peer")
    func shapes() async throws {
        let peer = try DatagramChannelTests.onLoopback()
        let open = try DatagramChannelTests.onLoopback()
        let connected = try DatagramChannel(to: peer.localAddress)
        let bytes = Array("span".utf8)
        try await open.send(bytes.span.bytes, to: peer.localAddress)
        try await open.send(Array("array".utf8), to: peer.localAddress)
        try await open.send("string ✓", to: peer.localAddress)
        try await open.send([], to: peer.localAddress)
        try await connected.send(bytes.span.bytes)
        try await connected.send(Array("array".utf8))
        try await connected.send("string ✓")
        try await connected.send([])
        for sender in [open, connected] {
            for text in ["span", "array", "string ✓", ""] {
                let datagram = try await peer.receive()
                #expect(datagram.text == text)
                #expect(datagram.sender == sender.localAddress)
            }
        }
    }

    @Test("send without an address throws EDESTADDRREQ on an unconnected channel")
    func withoutPeer() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let error = await #expect(throws: SocketError.self) { try await channel.send("x") }
        #expect(error?.description == "cannot send: destination address required")
    }

    @Test("a send error names the destination and the cause")
    func errorTexts() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        let everybody = SocketAddress.ipv4(.broadcast, port: 9)
        let broadcast = await #expect(throws: SocketError.self) {
            try await channel.send("x", to: everybody)
        }
        #expect(broadcast?.firstLine == "cannot send to 255.255.255.255:9: permission denied")
        try channel.setOption(.broadcast, to: true)
        do throws(SocketError) {
            try await channel.send("x", to: everybody)
        } catch {
            // The machine may have no route, but the permission is there.
            #expect(error.errno != .permissionDenied)
        }
        let long = await #expect(throws: SocketError.self) {
            try await channel.send([UInt8](repeating: 0, count: 65508), to: channel.localAddress)
        }
        #expect(long?.errno == .messageTooLong)
        let path = Loopback.unixPath()
        let unix = try DatagramChannel(adopting: Socket(.unix, .datagram))
        let address = SocketAddress.unix(try #require(UnixAddress(path: path)))
        let noFile = await #expect(throws: SocketError.self) {
            try await unix.send("x", to: address)
        }
        #expect(noFile?.description == "cannot send to \(path): no such file or directory")
    }

    @Test(
        "send to a subnet broadcast address returns false if unconnected, and throws if connected")
    func broadcastSender() async throws {
        let network = SocketAddress.ipv4(IPv4Address(127, 255, 255, 255), port: 9)
        let channel = try DatagramChannelTests.onLoopback()
        #expect(try await !channel.send("x", to: network))
        try channel.setOption(.broadcast, to: true)
        #expect(try await channel.send("x", to: network))
        // Only the peer can send to a connected channel, so another destination is a mistake of the
        // program.
        let connected = try DatagramChannel(to: channel.localAddress)
        let error = await #expect(throws: SocketError.self) {
            try await connected.send("x", to: network)
        }
        #expect(error?.errno == .permissionDenied)
    }

    @Test(
        "send to an unreachable destination returns false if unconnected, and throws if connected")
    func unreachable() async throws {
        // No machine may use an address of this reserved block (RFC 5735, RFC 1122).
        let nowhere = SocketAddress.ipv4(IPv4Address(240, 0, 0, 1), port: 9)
        let channel = try DatagramChannelTests.onLoopback()
        #expect(try await !channel.send("x", to: nowhere))
        let peer = try DatagramChannelTests.onLoopback()
        let connected = try DatagramChannel(to: peer.localAddress)
        await #expect(throws: SocketError.self) { try await connected.send("x", to: nowhere) }
    }

    @Test("concurrent sends from several tasks succeed")
    func severalSenders() async throws {
        let peer = try DatagramChannelTests.onLoopback()
        let channel = try DatagramChannelTests.onLoopback()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<4 {
                tasks.addTask {
                    for _ in 0..<500 { try await channel.send("x", to: peer.localAddress) }
                }
            }
            try await tasks.waitForAll()
        }
        #expect(try await peer.receive().text == "x")
    }

    #if DEBUG
        @Test(
            "send retries after EINTR and EAGAIN and sends the datagram once",
            arguments: [Errno.interrupted, .wouldBlock])
        func retried(code: Errno) async throws {
            let peer = try DatagramChannelTests.onLoopback()
            let channel = try DatagramChannelTests.onLoopback()
            let faults = FaultInjection([.sendto: [.error(code), .error(.interrupted)]])
            try await FaultInjection.$current.withValue(faults) {
                try await channel.send("x", to: peer.localAddress)
            }
            #expect(faults.remaining(of: .sendto) == 0)
            #expect(try await peer.receive().text == "x")
            let error = await #expect(throws: SocketError.self) {
                try await peer.receive(timeout: .milliseconds(0))
            }
            #expect(error?.isTimeout == true)
        }
    #endif

    @Test("a task that sends repeatedly yields to other tasks of its loop")
    func fairness() async throws {
        let group = try LoopGroup(loops: 1)
        defer { group.shutdown() }
        let peer = try DatagramChannelTests.onLoopback()
        let address = peer.localAddress
        let channel = try DatagramChannel(on: Loopback.ipv4, group: group)
        let seen = await withTaskGroup(of: Int.self) { tasks in
            tasks.addTask(executorPreference: group.loops[0]) {
                await withTaskGroup(of: Int.self) { tasks in
                    let sent = Lock(0)
                    tasks.addTask {
                        for _ in 0..<100 {
                            _ = try? await channel.send("x", to: address)
                            sent.withLock { $0 += 1 }
                        }
                        return .max
                    }
                    tasks.addTask { sent.withLock { $0 } }
                    return await tasks.reduce(.max, min)
                }
            }
            return await tasks.reduce(.max, min)
        }
        #expect(seen <= EventLoop.operationsPerTurn)
        channel.close()
    }
}
