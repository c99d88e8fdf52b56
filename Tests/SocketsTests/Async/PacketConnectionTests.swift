import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Sockets

@Suite("PacketConnection", .ownThread)
struct PacketConnectionTests {
    /// Returns both ends of a connection through a listener on an abstract name.
    static func connected() async throws -> (client: PacketConnection, server: PacketConnection) {
        let endpoint = Endpoint.unixSequencedPacket("@" + Loopback.unixPath())
        let listener = try await Listener(on: endpoint)
        let client = try await PacketConnection(to: endpoint)
        return (client, try await listener.acceptPacketConnection(timeout: .seconds(10)))
    }

    @Test("a client and an accepted connection exchange packets, on a path and on an abstract name")
    func exchange() async throws {
        for path in [Loopback.unixPath(), "@" + Loopback.unixPath()] {
            let endpoint = Endpoint.unixSequencedPacket(path)
            let listener = try await Listener(on: endpoint)
            let client = try await PacketConnection(to: endpoint)
            let server = try await listener.acceptPacketConnection()
            #expect(client.remoteAddress == listener.localAddress)
            #expect(server.localAddress == listener.localAddress)
            #expect(server.remoteAddress == .unnamed)
            try await client.send("question")
            #expect(try await server.receive()?.text == "question")
            try await server.send("answer")
            #expect(try await client.receive()?.text == "answer")
        }
    }

    @Test("a client with a local path connects to an address, and close removes the path")
    func localPath() async throws {
        let path = Loopback.unixPath()
        let listener = try await Listener(on: .unixSequencedPacket("@" + path))
        let local = SocketAddress.unix(try #require(UnixAddress(path: path)))
        let client = try await PacketConnection(
            to: listener.localAddress, options: .init(localAddress: local))
        #expect(client.localAddress == local)
        #expect(try await listener.acceptPacketConnection().remoteAddress == local)
        #expect(access(path, F_OK) == 0)
        client.close()
        #expect(access(path, F_OK) == -1)
    }

    @Test(
        "connecting to an endpoint of another type throws `invalidInput`",
        arguments: [.tcp("127.0.0.1", port: 7), .unix("/x"), .unixDatagram("/x")] as [Endpoint])
    func otherTypes(_ endpoint: Endpoint) async throws {
        let error = await #expect(throws: SocketError.self) {
            try await PacketConnection(to: endpoint)
        }
        #expect(error?.cause == .invalidInput("the endpoint must be unixpacket:"))
        #expect(error?.endpoint == endpoint)
    }

    @Test("connecting to a name without a listener throws ECONNREFUSED")
    func refused() async throws {
        let endpoint = Endpoint.unixSequencedPacket("@" + Loopback.unixPath())
        let error = await #expect(throws: SocketError.self) {
            try await PacketConnection(to: endpoint)
        }
        #expect(error?.errno == .connectionRefused)
    }

    @Test("connecting through a proxy throws `invalidInput`")
    func proxy() async throws {
        let options = ConnectOptions(through: .socks5(.tcp("127.0.0.1", port: 1080)))
        let endpoint = Endpoint.unixSequencedPacket("@" + Loopback.unixPath())
        let error = await #expect(throws: SocketError.self) {
            try await PacketConnection(to: endpoint, options: options)
        }
        guard case .invalidInput = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("connecting waits while the backlog is full, and a time limit ends the wait")
    func fullBacklog() async throws {
        let endpoint = Endpoint.unixSequencedPacket("@" + Loopback.unixPath())
        let listener = try await Listener(on: endpoint, options: .init(backlog: 0))
        let first = try await PacketConnection(to: endpoint)
        let error = await #expect(throws: SocketError.self) {
            try await PacketConnection(to: endpoint, timeout: .milliseconds(30))
        }
        #expect(error?.isTimeout == true)
        async let second = PacketConnection(to: endpoint, timeout: .seconds(10))
        let server = try await listener.acceptPacketConnection()
        _ = try await second
        first.close()
        #expect(try await server.receive() == nil)
    }

    @Test("the peer's credentials and process are those of this process")
    func credentials() async throws {
        let (client, server) = try await Self.connected()
        for connection in [client, server] {
            let credentials = try connection.peerCredentials
            #expect(credentials.processID == getpid())
            #expect(credentials.userID == geteuid())
        }
        try client.peerProcess().close()
    }

    @Test("after a half-close, the peer gets the end and can still send")
    func halfClose() async throws {
        let (one, other) = try PacketConnection.pair()
        try await one.send("last")
        try one.shutdown(.write)
        #expect(try await other.receive()?.text == "last")
        #expect(try await other.receive() == nil)
        #expect(try await other.receive() == nil)
        try await other.send("still")
        #expect(try await one.receive()?.text == "still")
        let error = await #expect(throws: SocketError.self) { try await one.send("x") }
        #expect(error?.errno == .brokenPipe)
    }

    @Test("close wakes a task that receives and a task that sends, and later calls throw .closed")
    func close() async throws {
        let (one, other) = try PacketConnection.pair()
        let receiving = Task { try await one.receive() }
        let sending = Task { () async throws -> Void in
            while true { try await one.send([UInt8](repeating: 0, count: 4096)) }
        }
        await one.untilReading()
        while !one.source.writers.isTaken { await Task.yield() }
        one.close()
        #expect(one.isClosed)
        let received = await #expect(throws: SocketError.self) { try await receiving.value }
        #expect(received?.cause == .closed)
        let sent = await #expect(throws: SocketError.self) { try await sending.value }
        #expect(sent?.cause == .closed)
        let later = await #expect(throws: SocketError.self) { try await one.send("x") }
        #expect(later?.cause == .closed)
        while try await other.receive() != nil {}
    }
}

extension PacketConnection {
    /// Waits until a task is receiving.
    func untilReading() async {
        while !source.isReading.load(ordering: .acquiring) { await Task.yield() }
    }

    /// Receives a message with descriptors, which must not be the end of the connection.
    func message(
        atMost count: Int = .max, descriptorsAtMost limit: Int
    ) async throws -> DescriptorMessage {
        guard
            let message = try await receive(
                atMost: count, descriptorsAtMost: limit, timeout: .seconds(10))
        else { throw UnexpectedEnd() }
        return message
    }

    private struct UnexpectedEnd: Error {}
}
