import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("Socket: descriptors and credentials over Unix sockets", .ownThread)
struct SocketPassingDescriptorsTests {
    static let types: [SocketType] = [.stream, .datagram, .sequencedPacket]

    @Test("descriptors arrive in order with their bytes, and with close-on-exec", arguments: types)
    func transfer(type: SocketType) throws {
        let (one, other) = try Socket.pair(type)
        let (reader, writer) = try FileDescriptor.pipe()
        try one.send("two", descriptors: [reader, writer])
        try reader.close()
        try writer.close()
        var message = try other.receive(descriptorsAtMost: 2, timeout: .seconds(10))
        #expect(message.bytes == Array("two".utf8))
        #expect(message.descriptorCount == 2)
        let first = message.takeDescriptor()
        let received = try #require(first)
        #expect(message.descriptorCount == 1)
        let second = message.takeDescriptor()
        let writing = Descriptor(try #require(second).rawValue)
        let more = message.takeDescriptor()
        #expect(more == nil)
        #expect(writing.isCloseOnExec)
        _ = Glibc.write(writing.number, "x", 1)
        var byte: UInt8 = 0
        #expect(read(received.rawValue, &byte, 1) == 1)
        #expect(byte == 0x78)
        try received.close()
    }

    @Test(
        "an empty datagram can carry descriptors",
        arguments: [SocketType.datagram, .sequencedPacket])
    func emptyDatagram(type: SocketType) throws {
        let (one, other) = try Socket.pair(type)
        try one.withFileDescriptor { _ = try one.send([UInt8](), descriptors: [$0]) }
        let message = try other.receive(descriptorsAtMost: 1, timeout: .seconds(10))
        #expect(message.bytes.isEmpty)
        #expect(message.descriptorCount == 1)
    }

    @Test("a message has the address of a datagram's sender, to which descriptors can be sent")
    func sender() throws {
        let server = try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
        let client = try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
        try client.send("x", to: server.localAddress, descriptors: [.standardInput])
        let question = try server.receive(descriptorsAtMost: 1, timeout: .seconds(10))
        #expect(question.sender == client.localAddress)
        #expect(question.descriptorCount == 1)
        try server.send("", to: question.sender, descriptors: [.standardInput])
        let answer = try client.receive(descriptorsAtMost: 1, timeout: .seconds(10))
        #expect(answer.sender == server.localAddress)
        #expect(answer.bytes.isEmpty)
        #expect(answer.descriptorCount == 1)
    }

    @Test("a message has no sender if its sender has no address", arguments: types)
    func withoutSender(type: SocketType) throws {
        let (one, other) = try Socket.pair(type)
        try one.send("x", descriptors: [.standardInput])
        let message = try other.receive(descriptorsAtMost: 1, timeout: .seconds(10))
        #expect(message.sender == .unnamed)
    }

    @Test("sending descriptors to an address of another family throws `invalidInput`")
    func otherFamily() throws {
        let socket = try Loopback.udp()
        let error = #expect(throws: SocketError.self) {
            try socket.send("x", to: socket.localAddress, descriptors: [.standardInput])
        }
        #expect(
            error?.cause
                == .invalidInput("the socket's family is IPv4: expected a Unix socket"))
    }

    @Test("receive returns no descriptors for a message without them and at the end of the stream")
    func none() throws {
        let (one, other) = try Socket.pair()
        try one.send("x", descriptors: [])
        let message = try other.receive(descriptorsAtMost: 3)
        #expect(message.bytes == [0x78])
        #expect(message.descriptorCount == 0)
        let nothing = try other.receive(atMost: 0, descriptorsAtMost: 1)
        #expect(nothing.bytes.isEmpty)
        one.close()
        let end = try other.receive(descriptorsAtMost: 1)
        #expect(end.bytes.isEmpty)
        #expect(end.descriptorCount == 0)
    }

    @Test(
        "if a message has too many descriptors, the error has its bytes and no descriptor leaks",
        arguments: types, [0, 1, 2])
    func tooMany(type: SocketType, limit: Int) async throws {
        let (one, other) = try Socket.pair(type)
        let pipe = try WatchedPipe()
        try one.send("four", descriptors: Array(repeating: pipe.reader, count: 4))
        try pipe.reader.close()
        let error = #expect(throws: SocketError.self) {
            _ = try other.receive(descriptorsAtMost: limit, timeout: .seconds(10))
        }
        #expect(
            error?.cause
                == .invalidInput("the message has more descriptors than the limit of \(limit)"))
        #expect(error?.partialBytes == Array("four".utf8))
        #expect(await eventually { !pipe.hasReader })
    }

    @Test("a receive that omits `descriptorsAtMost` discards descriptors", arguments: types)
    func discarded(type: SocketType) async throws {
        let (one, other) = try Socket.pair(type)
        let receives: [(Socket) throws -> [UInt8]] = [
            { try $0.receive(timeout: .seconds(10)) },
            { try $0.receiveFrom(timeout: .seconds(10)).bytes },
            {
                #expect(try $0.peek(timeout: .seconds(10)) == [0x78])
                return try $0.receive(atMost: 1)
            },
        ]
        for receive in receives {
            let pipe = try WatchedPipe()
            try one.send("x", descriptors: [pipe.reader])
            try pipe.reader.close()
            #expect(try receive(other) == [0x78])
            #expect(await eventually { !pipe.hasReader })
        }
    }

    @Test("descriptors that the program does not take are closed with the message")
    func untaken() async throws {
        let (one, other) = try Socket.pair()
        let pipe = try WatchedPipe()
        try one.send("x", descriptors: [pipe.reader, pipe.reader])
        try pipe.reader.close()
        do {
            var message = try other.receive(descriptorsAtMost: 2)
            let first = message.takeDescriptor()
            let taken = try #require(first)
            #expect(pipe.hasReader)
            try taken.close()
            #expect(message.descriptorCount == 1)
        }
        #expect(await eventually { !pipe.hasReader })
    }

    @Test("close ends a receive, and no descriptor can be sent to the closed socket")
    func closedMeanwhile() async throws {
        let (one, other) = try Socket.pair()
        let pipe = try WatchedPipe()
        let waiting = Background {
            _ = try other.receive(descriptorsAtMost: 1)
        }
        try waitUntilAThreadWaits(on: other)
        other.close()
        let error = #expect(throws: SocketError.self) { try waiting.value() }
        #expect(error?.cause == .closed)
        #expect(throws: SocketError.self) { try one.send("x", descriptors: [pipe.reader]) }
        try pipe.reader.close()
        #expect(await eventually { !pipe.hasReader })
    }

    @Test("receive throws EMFILE if too few descriptors are free, and closes the received ones")
    func shortage() async {
        await #expect(processExitsWith: .success) {
            let (one, other) = try Socket.pair()
            let pipe = try WatchedPipe()
            try one.send("x", descriptors: Array(repeating: pipe.reader, count: 64))
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(7), &limit)
            // Allow the lowest free number and no more. Other threads of the process may close a
            // few descriptors, but not 63.
            let free = dup(0)
            close(free)
            limit.rlim_cur = rlim_t(free) + 1
            setrlimit(__rlimit_resource_t(7), &limit)
            do throws(SocketError) {
                _ = try other.receive(descriptorsAtMost: 64)
                fatalError("the receive succeeded")
            } catch {
                precondition(error.errno == .tooManyOpenFiles, "\(error)")
                precondition(error.partialBytes == [0x78])
            }
            try pipe.reader.close()
            precondition(!pipe.hasReader, "a received descriptor is still open")
        }
    }

    @Test("receive with descriptors works after a receive that timed out")
    func timeout() throws {
        let (one, other) = try Socket.pair()
        let error = #expect(throws: SocketError.self) {
            _ = try other.receive(descriptorsAtMost: 1, timeout: .milliseconds(20))
        }
        #expect(error?.isTimeout == true)
        try one.withFileDescriptor { _ = try one.send("x", descriptors: [$0]) }
        let message = try other.receive(descriptorsAtMost: 1)
        #expect(message.descriptorCount == 1)
    }

    @Test("a partial send on a stream sends all descriptors with its first byte")
    func partial() throws {
        let (one, other) = try Socket.pair()
        let sent = try FaultInjection.during([.sendmsg: [.short(2)]]) {
            try one.withFileDescriptor { try one.send("four", descriptors: [$0]) }
        }
        #expect(sent == 2)
        try one.send("ur")
        let message = try other.receive(atMost: 1, descriptorsAtMost: 1)
        #expect(message.bytes == [0x66])
        #expect(message.descriptorCount == 1)
        #expect(try other.receive(atMost: 8) == Array("our".utf8))
    }

    @Test("send refuses a TCP socket, no bytes, 254 descriptors and an invalid descriptor")
    func refused() throws {
        let (one, other) = try Socket.pair()
        let standard = FileDescriptor.standardInput
        let (client, _) = try Loopback.tcpPair()
        let refused: [(Socket, [UInt8], Int, String)] = [
            (client, [1], 1, "the socket's family is IPv4: expected a Unix socket"),
            (one, [], 1, "a stream can send descriptors only with at least one byte"),
            (one, [1], 254, "there are 254 descriptors: a message can have at most 253"),
        ]
        for (socket, bytes, count, text) in refused {
            let error = #expect(throws: SocketError.self) {
                try socket.send(
                    bytes, descriptors: Array(repeating: standard, count: count))
            }
            #expect(error?.cause == .invalidInput(text))
        }
        let receiving = #expect(throws: SocketError.self) {
            _ = try client.receive(descriptorsAtMost: 1)
        }
        #expect(receiving?.operation == .receive)
        let bad = #expect(throws: SocketError.self) {
            try one.send("x", descriptors: [FileDescriptor(rawValue: 1_000_000)])
        }
        #expect(bad?.errno == .badFileDescriptor)
        try one.send("x", descriptors: Array(repeating: standard, count: 253))
        let message = try other.receive(descriptorsAtMost: .max)
        #expect(message.descriptorCount == 253)
    }

    @Test("peerCredentials of a socket pair are those of this process", arguments: types)
    func credentials(type: SocketType) throws {
        let (one, _) = try Socket.pair(type)
        let peer = try one.peerCredentials
        #expect(peer.processID == getpid())
        #expect(peer.userID == geteuid())
        #expect(peer.groupID == getegid())
        #expect(peer.groups == Self.ownGroups())
    }

    static func ownGroups() -> [UInt32] {
        var groups = [gid_t](repeating: 0, count: 65_536)
        return Array(groups.prefix(Int(getgroups(Int32(groups.count), &groups))))
    }

    @Test("the descriptor of the peer's process refers to it, and has close-on-exec")
    func process() throws {
        let (one, _) = try Socket.pair()
        let process = Descriptor(try one.peerProcess().rawValue)
        #expect(process.isCloseOnExec)
        let information = try FileDescriptor.open(
            "/proc/self/fdinfo/\(process.number)", .readOnly)
        defer { try? information.close() }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = try bytes.withUnsafeMutableBytes { try information.read(into: $0) }
        #expect(String(decoding: bytes[..<count], as: UTF8.self).contains("Pid:\t\(getpid())\n"))
    }

    @Test("a TCP socket and a socket without a peer have no credentials")
    func noCredentials() throws {
        let (client, _) = try Loopback.tcpPair()
        let error = #expect(throws: SocketError.self) { try client.peerCredentials }
        #expect(
            error?.description == "cannot read option SO_PEERCRED:"
                + " the socket's family is IPv4: expected a Unix socket")
        let alone = #expect(throws: SocketError.self) {
            try Socket(.unix, .datagram).peerCredentials
        }
        #expect(alone?.errno == .socketNotConnected)
        #expect(throws: SocketError.self) { try Socket(.unix, .datagram).peerProcess() }
    }
}
