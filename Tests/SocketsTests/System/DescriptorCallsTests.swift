import Glibc
import SystemPackage
import Testing

@testable import Sockets

@Suite("System: descriptors and credentials")
struct DescriptorCallsTests {
    private func send(
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

    private func receive(
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
        let sent = try send(one, "x", with: Array(repeating: one.number, count: count))
        #expect(sent == 1)
        let received = try receive(other, descriptorsAtMost: count)
        #expect(received.size == 1)
        #expect(received.descriptors.count == count)
        #expect(received.descriptors.allSatisfy { $0.isCloseOnExec })
        #expect(received.descriptors.allSatisfy { inode(of: $0.number) == inode(of: one.number) })
        #expect(!received.isTruncated)
    }

    @Test("recvmsg reports a truncated list", arguments: 0...3)
    func truncated(limit: Int) throws {
        let (one, other) = try RawSockets.pair()
        _ = try send(one, "x", with: Array(repeating: one.number, count: limit + 1))
        let received = try receive(other, descriptorsAtMost: limit)
        #expect(received.isTruncated)
        #expect(received.descriptors.count == limit)
    }

    @Test("credentials before the descriptors do not take their room")
    func credentialsToo() throws {
        let (one, other) = try RawSockets.pair()
        var on: Int32 = 1
        #expect(setsockopt(other.number, SOL_SOCKET, SO_PASSCRED, &on, 4) == 0)
        _ = try send(one, "x", with: [one.number, one.number])
        let received = try receive(other, descriptorsAtMost: 2)
        #expect(received.descriptors.count == 2)
        #expect(!received.isTruncated)
    }

    @Test("sendmsg throws EBADF for a descriptor that is not open")
    func badDescriptor() throws {
        let (one, _) = try RawSockets.pair()
        #expect(throws: Errno.badFileDescriptor) {
            _ = try send(one, "x", with: [1_000_000])
        }
    }

    @Test("peerCredentials throws ENOTCONN without a peer")
    func noPeer() throws {
        let alone = try RawSockets.make(.unix, .datagram)
        #expect(throws: Errno.socketNotConnected) {
            _ = try System.peerCredentials(alone.number)
        }
    }

    @Test("peerGroups asks again with more room")
    func manyGroups() throws {
        let (one, _) = try RawSockets.pair()
        let groups = try System.peerGroups(one.number)
        let again = try FaultInjection.during([.getsockopt: [.error(.outOfRange)]]) {
            try System.peerGroups(one.number)
        }
        #expect(again == groups)
    }
}
