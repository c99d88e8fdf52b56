import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("The kernel's lists of sockets", .ownThread)
struct SocketListTests {
    @Test("both ends of a TCP connection are listed with their queues")
    func tcp() throws {
        let (client, server) = try Loopback.tcpPair()
        try client.sendAll("hello")
        let list = try SocketList.read(.tcp4).sockets
        let near = try #require(list.first { $0.local == client.localAddress && !$0.isListening })
        let far = try #require(list.first { $0.local == client.remoteAddress && $0.isConnected })
        #expect(near.remote == far.local)
        #expect(far.statistics.receiveQueue == 5)
        #expect(near.statistics.sendQueue == 0)
        #expect(near.statistics.bytesAcknowledged != nil)
        #expect(near.inode != 0)
        withExtendedLifetime(server) {}
    }

    #if DEBUG
        @Test("a refused request throws the kernel's error, and a missing answer throws ETIMEDOUT")
        func failures() {
            for (code, expected) in [
                (Errno.permissionDenied, Errno.permissionDenied), (.wouldBlock, .timedOut),
            ] {
                #expect(throws: expected) {
                    try FaultInjection.during([.recv: [.error(code)]]) {
                        try SocketList.read(.unix)
                    }
                }
            }
            #expect(throws: Errno.tooManyOpenFiles) {
                try FaultInjection.during([.socket: [.error(.tooManyOpenFiles)]]) {
                    try SocketList.read(.unix)
                }
            }
        }
    #endif

    @Test("an IPv6 connection is listed, and its unaccepted end has no owner")
    func tcp6() throws {
        let listener = try Socket(on: .tcp("::1", port: 0))
        let client = try Socket(to: listener.localAddress)
        let list = try SocketList.read(.tcp6).sockets
        #expect(list.contains { $0.local == client.localAddress && $0.isConnected })
        // The client is not accepted yet.
        let listening = try #require(
            list.first { $0.local == listener.localAddress && $0.isListening })
        #expect(listening.pendingConnections == 1)
        let far = try #require(list.first { $0.remote == client.localAddress })
        #expect(far.isOwnerless)
    }

    @Test("each end of a Unix connection is listed with the inode of the other end")
    func unix() throws {
        let path = Loopback.unixPath()
        let listener = try Socket(on: .unix(path))
        let client = try Socket(to: .unix(path))
        let waiting = try SocketList.read(.unix).sockets
        let listening = try #require(
            waiting.first { $0.local == listener.localAddress && $0.isListening })
        #expect(listening.pendingConnections == 1)
        #expect(listening.pendingInodes.count == 1)

        let server = try listener.accept()
        try client.sendAll("hello")
        let list = try SocketList.read(.unix).sockets
        let far = try #require(
            list.first { $0.local == listener.localAddress && !$0.isListening })
        let near = try #require(list.first { $0.inode == far.peerInode })
        #expect(near.peerInode == far.inode)
        #expect(far.statistics.receiveQueue == 5)
        #expect((near.statistics.sendQueue ?? 0) >= 5)
        #expect(listening.pendingInodes == [near.inode])
        withExtendedLifetime(server) {}
    }
}
