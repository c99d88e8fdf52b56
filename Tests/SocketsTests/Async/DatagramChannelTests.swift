import Foundation
import Synchronization
import SystemPackage
import Testing

@testable import Sockets

@Suite("DatagramChannel", .timeLimit(.minutes(5)))
struct DatagramChannelTests {
    /// Creates a channel on 127.0.0.1 with a port that the kernel chooses.
    static func onLoopback() throws -> DatagramChannel {
        try DatagramChannel(on: Loopback.ipv4)
    }

    @Test("a channel without a host receives from both families and reports IPv4 senders as IPv4")
    func bothFamilies() async throws {
        let server = try await DatagramChannel(on: .udp(port: 0))
        let port = try #require(server.localAddress.port)
        for (host, address) in [
            (SocketAddress.ipv4(.loopback, port: 0), SocketAddress.ipv4(.loopback, port: port)),
            (.ipv6(.loopback, port: 0), .ipv6(.loopback, port: port)),
        ] {
            let client = try DatagramChannel(on: host)
            try await client.send("question", to: address)
            let datagram = try await server.receive()
            #expect(datagram.sender == client.localAddress)
            #expect(datagram.localAddress == address)
            try await server.send("answer", to: datagram.sender)
            let answer = try await client.receive()
            #expect(answer.text == "answer")
            #expect(answer.sender == address)
        }
    }

    @Test(
        "the family option binds a channel to the unspecified address of that family",
        arguments: [AddressFamily.ipv4, .ipv6])
    func oneFamily(family: AddressFamily) async throws {
        let server = try await DatagramChannel(on: .udp(port: 0), options: .init(family: family))
        #expect(server.localAddress.family == family)
        #expect(server.localAddress.ip?.isUnspecified == true)
    }

    @Test("a channel resolves a host name for binding and for connecting")
    func byName() async throws {
        let server = try await DatagramChannel(
            on: .udp("localhost", port: 0), options: .init(family: .ipv4))
        #expect(server.localAddress.ip == .v4(.loopback))
        let port = try #require(server.localAddress.port)
        let client = try await DatagramChannel(
            to: .udp("localhost", port: Port(port)), options: .init(family: .ipv4))
        #expect(client.isConnected)
        #expect(client.remoteAddress == server.localAddress)
        try await client.send("question")
        let question = try await server.receive()
        #expect(question.sender == client.localAddress)
        try await server.reply(to: question, with: "answer")
        #expect(try await client.receive().text == "answer")
    }

    @Test("a connected channel receives only from its peer")
    func fromPeerAlone() async throws {
        let peer = try Self.onLoopback()
        let stranger = try Self.onLoopback()
        let channel = try DatagramChannel(to: peer.localAddress)
        try await stranger.send("strange", to: channel.localAddress)
        try await peer.send("known", to: channel.localAddress)
        let datagram = try await channel.receive()
        #expect(datagram.text == "known")
        #expect(datagram.sender == peer.localAddress)
        #expect(datagram.localAddress == channel.localAddress)
    }

    @Test("a connected channel sends from the requested local address")
    func fromAddress() async throws {
        let peer = try Self.onLoopback()
        let local = SocketAddress.ipv4(IPv4Address(127, 0, 0, 3), port: 0)
        let channel = try DatagramChannel(
            to: peer.localAddress, options: .init(localAddress: local))
        try await channel.send("x")
        #expect(try await peer.receive().sender == channel.localAddress)
        #expect(channel.localAddress.ip == .v4(IPv4Address(127, 0, 0, 3)))
    }

    @Test("a Unix datagram has the sender's path, or .unnamed if the sender is not bound")
    func unix() async throws {
        let path = Loopback.unixPath()
        let server = try await DatagramChannel(on: .unixDatagram(path))
        let named = try await DatagramChannel(on: .unixDatagram("@\(path)"))
        let unnamed = try await DatagramChannel(to: .unixDatagram(path))
        try await named.send("named", to: server.localAddress)
        try await unnamed.send("unnamed")
        let first = try await server.receive()
        #expect(first.sender == named.localAddress)
        #expect(first.localAddress == server.localAddress)
        #expect(try await server.receive().sender == .unnamed)
        try await server.reply(to: first, with: "back")
        #expect(try await named.receive().text == "back")
    }

    @Test("a Unix client with the local address .unnamed gets a name, and receives the reply")
    func chosenName() async throws {
        let server = try await DatagramChannel(on: .unixDatagram("@" + Loopback.unixPath()))
        let client = try DatagramChannel(
            to: server.localAddress, options: .init(localAddress: .unnamed))
        guard case .unix(let name) = client.localAddress else {
            Issue.record("\(client.localAddress)")
            return
        }
        #expect(name.kind == .abstract)
        try await client.send("question")
        let question = try await server.receive()
        #expect(question.sender == client.localAddress)
        #expect(try await server.reply(to: question, with: "answer"))
        #expect(try await client.receive().text == "answer")
    }

    @Test("close removes the socket file of a server channel and of a client with a local path")
    func socketFile() async throws {
        let (path, clientPath) = (Loopback.unixPath(), Loopback.unixPath())
        let server = try await DatagramChannel(on: .unixDatagram(path))
        let address = SocketAddress.unix(try #require(UnixAddress(path: clientPath)))
        let client = try await DatagramChannel(
            to: .unixDatagram(path), options: .init(localAddress: address))
        try await client.send("question")
        try await server.reply(to: server.receive(), with: "answer")
        #expect(try await client.receive().text == "answer")
        for (channel, file) in [(server, path), (client, clientPath)] {
            #expect(FileManager.default.fileExists(atPath: file))
            channel.close()
            #expect(!FileManager.default.fileExists(atPath: file))
        }
    }

    @Test(
        "an endpoint of a stream transport throws an `invalidInput` error that names the endpoint",
        arguments: [
            Endpoint.tcp("localhost", port: 7), .unix("/tmp/x"), .unixSequencedPacket("@x"),
        ]
    )
    func wrongTransport(endpoint: Endpoint) async throws {
        let binding = await #expect(throws: SocketError.self) {
            try await DatagramChannel(on: endpoint)
        }
        let connecting = await #expect(throws: SocketError.self) {
            try await DatagramChannel(to: endpoint)
        }
        for error in [binding, connecting] {
            #expect(error?.endpoint == endpoint)
            guard case .invalidInput(let text)? = error?.cause else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(text.contains("the endpoint must be udp:// or unixgram:"))
        }
    }

    @Test("a second channel can bind the same port only if both channels set reusePort")
    func reusePort() async throws {
        let first = try await DatagramChannel(
            on: .udp("127.0.0.1", port: 0), options: .init(reusePort: true))
        let port = Port(try #require(first.localAddress.port))
        let error = await #expect(throws: SocketError.self) {
            try await DatagramChannel(on: .udp("127.0.0.1", port: port))
        }
        #expect(error?.errno == .addressInUse)
        let second = try await DatagramChannel(
            on: .udp("127.0.0.1", port: port), options: .init(reusePort: true))
        #expect(second.localAddress == first.localAddress)
    }

    @Test("close ends a pending receive and a loop, and later calls throw `closed`")
    func closing() async throws {
        let channel = try Self.onLoopback()
        let reader = Task { () throws(SocketError) in try await channel.receive() }
        await channel.untilReading()
        channel.close()
        channel.close()
        #expect(channel.isClosed)
        let error = await #expect(throws: SocketError.self) { try await reader.value }
        #expect(error?.cause == .closed)
        for try await _ in channel { Issue.record("a closed channel has no datagrams") }
        let sending = await #expect(throws: SocketError.self) {
            try await channel.send("x", to: Loopback.ipv4)
        }
        #expect(sending?.description == "cannot send to 127.0.0.1:0: the socket is closed")
        let asking = #expect(throws: SocketError.self) { try channel.option(.broadcast) }
        #expect(asking?.cause == .closed)
    }

    @Test("releasing the last reference to a channel frees the port")
    func lastReference() async throws {
        var channel: DatagramChannel? = try Self.onLoopback()
        let address = try #require(channel).localAddress
        channel = nil
        // The port can be bound again at once, because the descriptor closes with the reference.
        channel = try DatagramChannel(on: address)
        #expect(channel?.localAddress == address)
    }

    @Test("the channels of a pair exchange datagrams until one of them is closed")
    func pair() async throws {
        let (one, other) = try DatagramChannel.pair()
        for channel in [one, other] {
            #expect(channel.isConnected)
            #expect(channel.localAddress == .unnamed)
            #expect(channel.remoteAddress == .unnamed)
        }
        try await one.send("question")
        #expect(try await other.receive(timeout: .seconds(10)).text == "question")
        try await other.send("")
        #expect(try await one.receive(timeout: .seconds(10)).bytes.isEmpty)
        other.close()
        // A program that another test starts has a copy of the descriptor until it calls exec.
        var refusal: SocketError.Cause?
        while refusal == nil { refusal = await asyncCause { try await one.send("x") } }
        #expect(refusal == .system(.connectionRefused))
    }

    @Test("after a shutdown of one direction, its sends throw EPIPE, and the other one continues")
    func shutdown() async throws {
        let (one, other) = try DatagramChannel.pair()
        try await one.send("last")
        try one.shutdown(.write)
        let own = await #expect(throws: SocketError.self) { try await one.send("x") }
        #expect(own?.errno == .brokenPipe)
        #expect(try await other.receive(timeout: .seconds(10)).text == "last")
        try await other.send("early")
        try one.shutdown(.read)
        let foreign = await #expect(throws: SocketError.self) { try await other.send("x") }
        #expect(foreign?.errno == .brokenPipe)
        #expect(try await one.receive(timeout: .seconds(10)).text == "early")
    }

    @Test("shutdown throws ENOTCONN for an unconnected UDP channel, and `closed` after close")
    func shutdownWithoutPeer() throws {
        let channel = try Self.onLoopback()
        let unconnected = #expect(throws: SocketError.self) { try channel.shutdown(.write) }
        #expect(unconnected?.operation == .shutdown)
        #expect(unconnected?.errno == .socketNotConnected)
        channel.close()
        let closed = #expect(throws: SocketError.self) { try channel.shutdown(.write) }
        #expect(closed?.cause == .closed)
    }

    @Test("10,000 receives that race a datagram and close return the datagram or throw `closed`")
    func closesRacingArrival() async throws {
        let sender = try Loopback.udp()
        var received = 0
        for round in 0..<10_000 {
            let channel = try Self.onLoopback()
            let address = channel.localAddress
            let reader = Task { () -> Result<Datagram, SocketError> in
                do throws(SocketError) { return .success(try await channel.receive()) } catch {
                    return .failure(error)
                }
            }
            if round % 2 == 0 { await channel.untilReading() }
            if round % 4 < 2 { try sender.send("x", to: address) }
            channel.close()
            switch await reader.value {
            case .success(let datagram):
                received += 1
                #expect(datagram.text == "x")
            case .failure(let error):
                #expect(error.cause == .closed)
            }
        }
        // Both outcomes of the race occurred.
        #expect(received > 0)
        #expect(received < 10_000)
    }
}

extension DatagramChannel {
    /// Waits until a task is receiving.
    func untilReading() async {
        while !source.isReading.load(ordering: .acquiring) { await Task.yield() }
    }

    /// Returns the number of tasks that send to a full Unix peer.
    func waitingSends(to address: SocketAddress) -> Int {
        // A send is in the list of waits before it takes its turn.
        let unconnected = unixWaits.withLock { waits in
            waits[address].map { $0.turns.isTaken ? $0.turns.waiterCount + 1 : 0 }
        }
        return unconnected
            ?? (source.writers.isTaken ? source.writers.waiterCount + 1 : 0)
    }

    /// Waits until a task is waiting to send.
    func untilWriting() async {
        while !source.writers.isTaken, unixWaits.withLock({ $0.isEmpty }) { await Task.yield() }
    }
}
