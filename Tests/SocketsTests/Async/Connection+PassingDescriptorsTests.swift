import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import Sockets

@Suite("Connection: descriptors and credentials over Unix sockets", .ownThread)
struct ConnectionPassingDescriptorsTests {
    @Test("descriptors arrive with the first byte, and the other bytes follow")
    func transfer() async throws {
        let (one, other) = try Connection.pair()
        let text = String(repeating: "long", count: 1 << 18)
        let sending = Task {
            try await one.withFileDescriptor { try await one.send(text, descriptors: [$0]) }
        }
        var message = try await other.receive(descriptorsAtMost: 1)
        let first = message.takeDescriptor()
        let copy = Descriptor(try #require(first).rawValue)
        #expect(copy.isCloseOnExec)
        #expect(inode(of: copy.number) == inode(of: one.source.descriptor))
        let rest = try await other.readExactly(text.utf8.count - message.bytes.count)
        #expect(message.bytes + rest == Array(text.utf8))
        try await sending.value
    }

    @Test("if a message has too many descriptors, the error has its bytes and no descriptor leaks")
    func tooMany() async throws {
        let (one, other) = try Connection.pair()
        let pipe = try WatchedPipe()
        try await one.send("x", descriptors: [pipe.reader, pipe.reader])
        try pipe.reader.close()
        let error = await #expect(throws: SocketError.self) {
            _ = try await other.receive(descriptorsAtMost: 1)
        }
        #expect(
            error?.cause == .invalidInput("the message has more descriptors than the limit of 1"))
        #expect(error?.partialBytes == [0x78])
        #expect(await eventually { !pipe.hasReader })
    }

    @Test("a read that omits `descriptorsAtMost` discards descriptors")
    func discarded() async throws {
        let (one, other) = try Connection.pair()
        let (pipe, second) = (try WatchedPipe(), try WatchedPipe())
        try await one.send("x\n", descriptors: [pipe.reader])
        try pipe.reader.close()
        #expect(try await other.readLine() == "x")
        #expect(await eventually { !pipe.hasReader })

        let (sender, receiver) = try Socket.pair(.datagram)
        let channel = try DatagramChannel(adopting: receiver)
        try sender.send("y", descriptors: [second.reader])
        try second.reader.close()
        #expect(try await channel.receive(timeout: .seconds(10)).text == "y")
        #expect(await eventually { !second.hasReader })
    }

    @Test("a send that times out part-way has sent the descriptors, and later writes throw")
    func incomplete() async throws {
        let (one, other) = try Connection.pair()
        let bytes = [UInt8](repeating: 0x78, count: 8 << 20)
        let error = await #expect(throws: SocketError.self) {
            try await one.send(
                bytes, descriptors: [.standardInput], timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        #expect(error?.bytesTransferred ?? 0 > 0)
        let later = await #expect(throws: SocketError.self) {
            try await one.send("x", descriptors: [.standardInput])
        }
        #expect(later?.cause == .incompleteWrite)
        let message = try await other.receive(descriptorsAtMost: 1)
        #expect(message.descriptorCount == 1)
    }

    @Test("a cancelled receive loses neither bytes nor descriptors")
    func cancelled() async throws {
        let (one, other) = try Connection.pair()
        let receiving = Task { try await other.receive(descriptorsAtMost: 1).descriptorCount }
        while !other.source.isReading.load(ordering: .acquiring) { await Task.yield() }
        receiving.cancel()
        let error = await #expect(throws: SocketError.self) { try await receiving.value }
        #expect(error?.cause == .cancelled)
        try await one.send("x", descriptors: [.standardInput])
        let message = try await other.receive(descriptorsAtMost: 1)
        #expect(message.bytes == [0x78])
        #expect(message.descriptorCount == 1)
    }

    @Test("receive loses nothing in a timeout, and returns an empty message at EOF")
    func waiting() async throws {
        let (one, other) = try Connection.pair()
        let error = await #expect(throws: SocketError.self) {
            _ = try await other.receive(descriptorsAtMost: 1, timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        async let count = other.receive(descriptorsAtMost: 1).descriptorCount
        try await one.send("x", descriptors: [.standardInput])
        #expect(try await count == 1)
        one.close()
        let end = try await other.receive(descriptorsAtMost: 1)
        #expect(end.bytes.isEmpty)
    }

    @Test("receive first returns the bytes that were received in advance")
    func buffered() async throws {
        let (one, other) = try Connection.pair()
        try await one.write("line\nrest")
        #expect(try await other.readLine() == "line")
        try await one.send("x", descriptors: [.standardInput])
        let first = try await other.receive(descriptorsAtMost: 1)
        #expect(first.bytes == Array("rest".utf8))
        #expect(first.descriptorCount == 0)
        let second = try await other.receive(descriptorsAtMost: 1)
        #expect(second.bytes == [0x78])
        #expect(second.descriptorCount == 1)
    }

    @Test("a TCP connection neither transfers descriptors nor has credentials")
    func refused() async throws {
        let (client, _) = try Loopback.tcpPair()
        let connection = try Connection(adopting: client)
        let cause = SocketError.Cause.invalidInput(
            "the socket's family is IPv4: expected a Unix socket")
        let sending = await #expect(throws: SocketError.self) {
            try await connection.send("x", descriptors: [.standardInput])
        }
        #expect(sending?.cause == cause)
        let receiving = await #expect(throws: SocketError.self) {
            _ = try await connection.receive(descriptorsAtMost: 1)
        }
        #expect(receiving?.cause == cause)
        let credentials = #expect(throws: SocketError.self) { try connection.peerCredentials }
        #expect(credentials?.cause == cause)
    }

    @Test("peerCredentials and peerProcess of a server report its client")
    func credentials() async throws {
        let name = try #require(UnixAddress(abstract: Loopback.unixPath()))
        let address = SocketAddress.unix(name)
        let listener = try Listener(on: address)
        let client = try await Connection(to: address)
        let server = try await listener.accept()
        for connection in [client, server] {
            let peer = try connection.peerCredentials
            #expect(peer.processID == getpid())
            #expect(peer.userID == geteuid())
            #expect(peer.groupID == getegid())
            #expect(peer.groups == SocketPassingDescriptorsTests.ownGroups())
        }
        let process = Descriptor(try server.peerProcess().rawValue)
        #expect(process.isCloseOnExec)
    }
}
