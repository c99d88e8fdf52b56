import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("System: descriptors and credentials")
struct DescriptorCallsTests {
    private static func send(
        _ socket: Descriptor, _ text: String, with descriptors: [Int32]
    ) throws(Errno) -> Int {
        let bytes = Array(text.utf8)
        do {
            return try bytes.withUnsafeBytes {
                try System.sendmsg(socket.number, $0, with: descriptors, [])
            }
        } catch {
            throw error as? Errno ?? Errno(rawValue: 0)
        }
    }

    private static func receive(
        _ socket: Descriptor, descriptorsAtMost limit: Int
    ) throws -> (size: Int, descriptors: [Descriptor], isTruncated: Bool) {
        var bytes = [UInt8](repeating: 0, count: 64)
        let received = try bytes.withUnsafeMutableBytes {
            try System.recvmsg(socket.number, $0, descriptorsAtMost: limit, .dontWait)
        }
        return (received.size, received.descriptors.map(Descriptor.init), received.isTruncated)
    }

    @Test("recvmsg returns each number of descriptors up to the limit", arguments: [1, 2, 3, 253])
    func counts(count: Int) throws {
        let (one, other) = try RawSockets.pair()
        let sent = try Self.send(one, "x", with: Array(repeating: one.number, count: count))
        #expect(sent == 1)
        let received = try Self.receive(other, descriptorsAtMost: count)
        #expect(received.size == 1)
        #expect(received.descriptors.count == count)
        #expect(received.descriptors.allSatisfy { $0.isCloseOnExec })
        #expect(received.descriptors.allSatisfy { inode(of: $0.number) == inode(of: one.number) })
        #expect(!received.isTruncated)
    }

    @Test("recvmsg reports that a message had more descriptors than the limit", arguments: 0...3)
    func truncated(limit: Int) throws {
        let (one, other) = try RawSockets.pair()
        _ = try Self.send(one, "x", with: Array(repeating: one.number, count: limit + 1))
        let received = try Self.receive(other, descriptorsAtMost: limit)
        #expect(received.isTruncated)
        #expect(received.descriptors.count == limit)
    }

    @Test("sendmsg sends to an address, and recvmsg returns the sender only on request")
    func addresses() throws {
        func bound() throws -> (socket: Descriptor, address: RawSocketAddress) {
            let socket = try RawSockets.make(.unix, .datagram)
            try System.bind(socket.number, RawSocketAddress(.unix([])))
            return (socket, try System.getsockname(socket.number))
        }
        let (sender, receiver) = (try bound(), try bound())
        func receive(reportsSender: Bool) throws -> ReceivedMessage {
            let message = try System.recvmsg(
                receiver.socket.number, UnsafeMutableRawBufferPointer(start: nil, count: 0),
                descriptorsAtMost: 1, reportsSender: reportsSender, .dontWait)
            for number in message.descriptors { System.close(number) }
            return message
        }
        for _ in 0..<2 {
            _ = try System.sendmsg(
                sender.socket.number, UnsafeRawBufferPointer(start: nil, count: 0),
                with: [sender.socket.number], to: receiver.address, .dontWait)
        }
        let known = try receive(reportsSender: true)
        #expect(known.sender?.content == sender.address.content)
        #expect(known.descriptors.count == 1)
        #expect(try receive(reportsSender: false).sender == nil)
    }

    /// The option SO_TIMESTAMPNS, whose macro Swift cannot import.
    private static let nanoseconds = OptionKey(level: SOL_SOCKET, name: 35)

    @Test("only a timestamp distinguishes an empty packet from the end of the connection")
    func emptyPackets() throws {
        let (one, other) = try System.socketpair(.sequencedPacket)
        let (sender, receiver) = (Descriptor(one), Descriptor(other))
        func receive() throws -> ReceivedMessage {
            try System.recvmsg(
                receiver.number, UnsafeMutableRawBufferPointer(start: nil, count: 0),
                descriptorsAtMost: 0, [.dontWait, .fullLength])
        }
        func send() throws {
            _ = try System.send(
                sender.number, UnsafeRawBufferPointer(start: nil, count: 0), .dontWait)
        }
        try send()
        #expect(try receive().isEnd)
        // The kernel also reports a time for a packet that arrived before the option was set.
        try send()
        try System.setOption(receiver.number, .timestamp, 1)
        try send()
        #expect(try receive().hasTimestamp)
        #expect(try !receive().isEnd)
        // A program that shares the socket may set this option, which replaces the other one.
        try System.setOption(receiver.number, Self.nanoseconds, 1)
        try send()
        try System.shutdown(sender.number, .write)
        #expect(try receive().hasTimestamp)
        #expect(try receive().isEnd)
    }

    /// The option SO_PASSPIDFD, which the C library lacks.
    private static let passProcess: Int32 = 76

    @Test(
        "the control data of socket options does not reduce the room for descriptors",
        arguments: [2, 253])
    func otherEntries(count: Int) throws {
        let (one, other) = try RawSockets.pair(.datagram)
        var on: Int32 = 1
        for option in [SO_TIMESTAMP, SO_PASSCRED, Self.passProcess] {
            #expect(setsockopt(other.number, SOL_SOCKET, option, &on, 4) == 0)
        }
        _ = try Self.send(one, "x", with: Array(repeating: one.number, count: count))
        let received = try Self.receive(other, descriptorsAtMost: count)
        #expect(received.descriptors.count == count)
        #expect(!received.isTruncated)
    }

    @Test("the descriptor of the sender's process, which SO_PASSPIDFD adds, is closed")
    func processDescriptor() async {
        await #expect(processExitsWith: .success) {
            let (one, other) = try RawSockets.pair()
            var on: Int32 = 1
            precondition(setsockopt(other.number, SOL_SOCKET, Self.passProcess, &on, 4) == 0)
            await startLoops()
            let before = openDescriptors()
            for count in 0...1 {
                _ =
                    count == 0
                    ? try System.send(one.number, "x")
                    : try Self.send(one, "x", with: [one.number])
                let received = try Self.receive(other, descriptorsAtMost: 1)
                precondition(received.descriptors.count == count)
            }
            let isReleased = await eventually { openDescriptors() <= before }
            precondition(isReleased)
        }
    }

    @Test("sendmsg throws EBADF for a descriptor that is not open")
    func badDescriptor() throws {
        let (one, _) = try RawSockets.pair()
        #expect(throws: Errno.badFileDescriptor) {
            _ = try Self.send(one, "x", with: [1_000_000])
        }
    }

    @Test("peerCredentials throws ENOTCONN without a peer")
    func noPeer() throws {
        let alone = try RawSockets.make(.unix, .datagram)
        #expect(throws: Errno.socketNotConnected) {
            _ = try System.peerCredentials(alone.number)
        }
    }

    @Test("peerGroups retries with more room after ERANGE")
    func manyGroups() throws {
        let (one, _) = try RawSockets.pair()
        let groups = try System.peerGroups(one.number)
        let again = try FaultInjection.during([.getsockopt: [.error(.outOfRange)]]) {
            try System.peerGroups(one.number)
        }
        #expect(again == groups)
    }
}
