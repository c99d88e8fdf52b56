import Testing

@testable import Sockets

@Suite("DatagramChannel: replying", .ownThread, .timeLimit(.minutes(5)))
struct DatagramChannelReplyingTests {
    @Test(
        "reply sends from the address that received the datagram, on IPv4 and dual stack",
        arguments: [AddressFamily.ipv4, nil])
    func reply(family: AddressFamily?) async throws {
        let server = try await DatagramChannel(on: .udp(port: 0), options: .init(family: family))
        let port = try #require(server.localAddress.port)
        let second = SocketAddress.ipv4(IPv4Address(127, 0, 0, 2), port: port)
        // A connected client receives replies from this address only.
        let client = try DatagramChannel(to: second)
        for number in 0..<3 {
            try await client.send("question")
            let question = try await server.receive()
            #expect(question.localAddress == second)
            switch number {
            case 0: try await server.reply(to: question, with: "answer")
            case 1: try await server.reply(to: question, with: Array("answer".utf8))
            default:
                let bytes = Array("answer".utf8)
                try await server.reply(to: question, with: bytes.span.bytes)
            }
            let answer = try await client.receive(timeout: .seconds(30))
            #expect(answer.text == "answer")
            #expect(answer.sender == second)
        }
    }

    @Test("reply over IPv6 sends from the address that received the datagram")
    func reply6() async throws {
        let server = try await DatagramChannel(on: .udp(port: 0), options: .init(family: .ipv6))
        let port = try #require(server.localAddress.port)
        let client = try DatagramChannel(to: .ipv6(.loopback, port: port))
        try await client.send("question")
        let question = try await server.receive()
        #expect(question.localAddress == .ipv6(.loopback, port: port))
        try await server.reply(to: question, with: "answer")
        #expect(try await client.receive(timeout: .seconds(30)).text == "answer")
    }

    @Test("reply sends from the channel's address if the datagram has no local address")
    func replyFromTheOnlyAddress() async throws {
        let server = try DatagramChannelTests.onLoopback()
        let client = try DatagramChannel(to: server.localAddress)
        try await client.send("question")
        var question = try await server.receive()
        #expect(question.localAddress == server.localAddress)
        question.localAddress = nil
        try await server.reply(to: question, with: "answer")
        #expect(try await client.receive(timeout: .seconds(30)).text == "answer")
    }

    @Test("reply from an address that is not local returns false")
    func replyFromElsewhere() async throws {
        let server = try await DatagramChannel(on: .udp(port: 0), options: .init(family: .ipv4))
        let client = try DatagramChannelTests.onLoopback()
        let question = Datagram(
            bytes: [], sender: client.localAddress,
            localAddress: .ipv4(IPv4Address(192, 0, 2, 1), port: 9))
        #expect(try await !server.reply(to: question, with: "answer"))
    }

    @Test("a datagram to a multicast group has a local address, and reply sends from that address")
    func replyToGroup() async throws {
        let group = IPv4Address(239, 255, 77, 78)
        let member = try await DatagramChannel(on: .udp(port: 0), options: .init(family: .ipv4))
        let port = try #require(member.localAddress.port)
        try member.joinMulticastGroup(.v4(group), interface: "lo")
        let sender = try DatagramChannelTests.onLoopback()
        try sender.setMulticastInterface("lo")
        try await sender.send("to all", to: .ipv4(group, port: port))
        let question = try await member.receive(timeout: .seconds(30))
        #expect(question.localAddress == .ipv4(.loopback, port: port))
        try await member.reply(to: question, with: "from one")
        let answer = try await sender.receive(timeout: .seconds(30))
        #expect(answer.text == "from one")
        #expect(answer.sender == .ipv4(.loopback, port: port))
    }

    @Test("send and reply to a sender without a return address return false")
    func noReturnAddress() async throws {
        let channel = try DatagramChannelTests.onLoopback()
        #expect(try await !channel.send("x", to: .ipv4(.loopback, port: 0)))
        #expect(try await !channel.send("x", to: .unnamed))
        let question = Datagram(
            bytes: [], sender: .ipv4(.loopback, port: 0), localAddress: channel.localAddress)
        #expect(try await !channel.reply(to: question, with: "x"))
        #expect(try await channel.send("x", to: channel.localAddress))
    }

    @Test("send and reply to an unspecified address return false and send nothing")
    func unspecifiedSender() async throws {
        let channel = try await DatagramChannel(on: .udp(port: 0))
        let port = try #require(channel.localAddress.port)
        for address in [IPAddress.v4(.any), .v6(.any)] {
            let itself = SocketAddress(address, port: port)
            #expect(try await !channel.send("x", to: itself))
            let header = DatagramHeader(
                count: 0, originalCount: 0, sender: SocketAddress(address, port: 9),
                localAddress: nil)
            #expect(try await !channel.reply(to: header, with: [UInt8(1)].span.bytes))
        }
        let error = await #expect(throws: SocketError.self) {
            try await channel.receive(timeout: .milliseconds(50))
        }
        #expect(error?.isTimeout == true)
    }

    @Test("a reply to a Unix peer that does not receive returns false after 1 second")
    func senderThatDoesNotReceive() async throws {
        let (peer, channel) = try await DatagramChannelWaitingForRoomTests.fullPeer(isBound: true)
        let header = DatagramHeader(
            count: 0, originalCount: 0, sender: peer.localAddress, localAddress: nil)
        let start = ContinuousClock.now
        let hasLeft = try await channel.reply(to: header, with: [UInt8(1)].span.bytes)
        let duration = start.duration(to: .now)
        #expect(!hasLeft)
        #expect(duration >= .seconds(1) && duration < .seconds(10))
        // A reply with an explicit timeout throws.
        let error = await #expect(throws: SocketError.self) {
            try await channel.reply(
                to: header, with: [UInt8(1)].span.bytes, timeout: .milliseconds(10))
        }
        #expect(error?.isTimeout == true)
        // A sender that receives in time gets its reply.
        _ = try peer.receive()
        #expect(try await channel.reply(to: header, with: [UInt8(1)].span.bytes))
    }

    @Test("an echo loop continues after senders without an address and senders that have closed")
    func echoingToEverySender() async throws {
        let channel = try await DatagramChannel(on: .unixDatagram("@" + Loopback.unixPath()))
        let echoing = Task {
            for try await datagram in channel {
                try await channel.send(datagram.bytes, to: datagram.sender)
            }
        }
        // Senders without a path and senders that have closed must not end the loop.
        let nameless = try DatagramChannel(adopting: Socket(.unix, .datagram))
        try await nameless.send("who am I?", to: channel.localAddress)
        for path in ["@" + Loopback.unixPath(), Loopback.unixPath()] {
            let gone = try await DatagramChannel(on: .unixDatagram(path))
            try await gone.send("bye", to: channel.localAddress)
            gone.close()
        }
        let client = try await DatagramChannel(on: .unixDatagram("@" + Loopback.unixPath()))
        try await client.send("hello", to: channel.localAddress)
        #expect(try await client.receive(timeout: .seconds(30)).text == "hello")
        channel.close()
        try await echoing.value
    }
}
