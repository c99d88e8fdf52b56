import SystemPackage
import Testing

@testable import Sockets

@Suite("DatagramChannel: descriptors over Unix sockets", .ownThread, .timeLimit(.minutes(5)))
struct DatagramChannelPassingDescriptorsTests {
    @Test("a channel and a blocking socket exchange descriptors in both directions")
    func exchange() async throws {
        let socket = try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
        let channel = try DatagramChannel(
            to: socket.localAddress, options: .init(localAddress: .unnamed))
        try await channel.withFileDescriptor {
            try await channel.send("question", descriptors: [$0, .standardInput])
        }
        var question = try socket.receive(descriptorsAtMost: 2, timeout: .seconds(10))
        #expect(question.bytes == Array("question".utf8))
        #expect(question.sender == channel.localAddress)
        #expect(question.descriptorCount == 2)
        let asker = question.sender
        let asked = question.takeDescriptor()
        let first = Descriptor(try #require(asked).rawValue)
        #expect(first.isCloseOnExec)
        #expect(inode(of: first.number) == inode(of: channel.source.descriptor))

        try socket.withFileDescriptor {
            _ = try socket.send("answer", to: asker, descriptors: [$0])
        }
        var answer = try await channel.receive(descriptorsAtMost: 2, timeout: .seconds(10))
        #expect(answer.bytes == Array("answer".utf8))
        #expect(answer.sender == socket.localAddress)
        #expect(answer.descriptorCount == 1)
        let answered = answer.takeDescriptor()
        let second = Descriptor(try #require(answered).rawValue)
        #expect(second.isCloseOnExec)
        #expect(inode(of: second.number) == inode(of: socket.descriptor))
    }

    @Test("an unconnected channel replies with descriptors to the sender of a message")
    func reply() async throws {
        let server = try await DatagramChannel(on: .unixDatagram("@" + Loopback.unixPath()))
        let client = try DatagramChannel(
            to: server.localAddress, options: .init(localAddress: .unnamed))
        for text in ["x", ""] {
            try await client.send(text, descriptors: [])
            let question = try await server.receive(descriptorsAtMost: 1, timeout: .seconds(10))
            #expect(question.bytes == Array(text.utf8))
            #expect(question.descriptorCount == 0)
            #expect(question.sender == client.localAddress)
            let isSent = try await server.send(
                text, to: question.sender, descriptors: [.standardInput])
            #expect(isSent)
            let answer = try await client.receive(descriptorsAtMost: 1, timeout: .seconds(10))
            #expect(answer.bytes == Array(text.utf8))
            #expect(answer.descriptorCount == 1)
        }
        let missing = SocketAddress.unix(
            try #require(UnixAddress(abstract: Loopback.unixPath())))
        #expect(try await server.send("x", to: missing, descriptors: [.standardInput]) == false)
    }

    @Test("a truncated datagram keeps its descriptors and its original length")
    func truncated() async throws {
        let (one, other) = try DatagramChannel.pair()
        try await one.send("datagram", descriptors: [.standardInput])
        let message = try await other.receive(
            atMost: 2, descriptorsAtMost: 1, timeout: .seconds(10))
        #expect(message.bytes == Array("da".utf8))
        #expect(message.originalCount == 8)
        #expect(message.isTruncated == true)
        #expect(message.descriptorCount == 1)
    }

    @Test("if a datagram has too many descriptors, the error has its bytes and none leaks")
    func tooMany() async throws {
        let server = try await DatagramChannel(on: .unixDatagram("@" + Loopback.unixPath()))
        let client = try DatagramChannel(
            to: server.localAddress, options: .init(localAddress: .unnamed))
        let pipe = try WatchedPipe()
        try await client.send("x", descriptors: [pipe.reader, pipe.reader])
        try pipe.reader.close()
        let error = await #expect(throws: SocketError.self) {
            _ = try await server.receive(descriptorsAtMost: 1, timeout: .seconds(10))
        }
        #expect(
            error?.cause == .invalidInput("the message has more descriptors than the limit of 1"))
        #expect(error?.partialBytes == [0x78])
        #expect(error?.remoteAddress == client.localAddress)
        #expect(await eventually { !pipe.hasReader })
    }

    @Test("the end of a message closes the descriptors that were not taken")
    func notTaken() async throws {
        let (one, other) = try DatagramChannel.pair()
        let pipe = try WatchedPipe()
        try await one.send("x", descriptors: [pipe.reader])
        try pipe.reader.close()
        #expect(pipe.hasReader)
        let count = try await other.receive(descriptorsAtMost: 1).descriptorCount
        #expect(count == 1)
        #expect(await eventually { !pipe.hasReader })
    }

    @Test("sending a closed descriptor or more than 253 descriptors throws, and sends nothing")
    func unusable() async throws {
        let (one, other) = try DatagramChannel.pair()
        let closed = await #expect(throws: SocketError.self) {
            try await one.send("x", descriptors: [FileDescriptor(rawValue: .max)])
        }
        #expect(closed?.operation == .send)
        #expect(closed?.errno == .badFileDescriptor)
        let tooMany = await #expect(throws: SocketError.self) {
            try await one.send("x", descriptors: Array(repeating: .standardInput, count: 254))
        }
        #expect(
            tooMany?.cause
                == .invalidInput("there are 254 descriptors: a message can have at most 253"))
        try await one.send("y")
        #expect(try await other.receive(timeout: .seconds(10)).text == "y")
    }

    @Test("a UDP channel does not transfer descriptors")
    func refused() async throws {
        let channel = try DatagramChannel(on: Loopback.ipv4)
        let cause = SocketError.Cause.invalidInput(
            "the socket's family is IPv4: expected a Unix socket")
        #expect(
            await asyncCause { try await channel.send("x", descriptors: [.standardInput]) }
                == cause)
        #expect(
            await asyncCause {
                try await channel.send(
                    "x", to: channel.localAddress, descriptors: [.standardInput])
            } == cause)
        #expect(await asyncCause { _ = try await channel.receive(descriptorsAtMost: 1) } == cause)
    }

    @Test(
        "a send waits until a Unix peer with a full queue receives",
        arguments: [false, true])
    func waitsForRoom(isConnected: Bool) async throws {
        let (peer, open) = try await DatagramChannelWaitingForRoomTests.fullPeer()
        let address = peer.localAddress
        let channel = isConnected ? try DatagramChannel(to: address) : open
        let sending = Task {
            if isConnected {
                try await channel.send("at last", descriptors: [.standardInput])
            } else {
                try await channel.send("at last", to: address, descriptors: [.standardInput])
            }
        }
        await channel.untilWriting()
        _ = try peer.receive()
        try await sending.value
        var count: Int?
        while count == nil {
            let message = try peer.receive(descriptorsAtMost: 1, timeout: .seconds(10))
            if message.bytes == Array("at last".utf8) { count = message.descriptorCount }
        }
        #expect(count == 1)
    }

    @Test("a send to a full Unix peer that times out leaks no descriptor")
    func timesOut() async throws {
        let (peer, channel) = try await DatagramChannelWaitingForRoomTests.fullPeer()
        let pipe = try WatchedPipe()
        let error = await #expect(throws: SocketError.self) {
            try await channel.send(
                "x", to: peer.localAddress, descriptors: [pipe.reader],
                timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        try pipe.reader.close()
        #expect(await eventually { !pipe.hasReader })
    }

    @Test("a cancelled receive loses neither the datagram nor its descriptors")
    func cancelled() async throws {
        let (one, other) = try DatagramChannel.pair()
        let receiving = Task { try await other.receive(descriptorsAtMost: 1).descriptorCount }
        await other.untilReading()
        let busy = await asyncCause { _ = try await other.receive(descriptorsAtMost: 1) }
        #expect(busy == .busy)
        receiving.cancel()
        let error = await #expect(throws: SocketError.self) { try await receiving.value }
        #expect(error?.cause == .cancelled)
        try await one.send("x", descriptors: [.standardInput])
        let message = try await other.receive(descriptorsAtMost: 1, timeout: .seconds(10))
        #expect(message.bytes == [0x78])
        #expect(message.descriptorCount == 1)
    }
}
