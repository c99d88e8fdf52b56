import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("A socket of the machine")
struct MachineSocketTests {
    private func tcp(_ change: (inout ConnectionStatistics) -> Void = { _ in }) -> MachineSocket {
        MachineSocket(
            .tcp, cookie: 1, inode: 2, statistics: MeasuredStatistics.quiet().with(change))
    }

    @Test("a socket without waiting bytes is quiet")
    func quiet() {
        #expect(tcp().isQuiet)
        #expect(tcp { $0.state = .closeWait }.isQuiet)
        #expect(
            MachineSocket(.unix, cookie: 1, inode: 2, statistics: MeasuredStatistics.unix()).isQuiet
        )
    }

    @Test("a socket with bytes that wait or are in flight is not quiet")
    func busy() {
        #expect(!tcp { $0.receiveQueue = 1 }.isQuiet)
        #expect(!tcp { $0.sendQueue = 1 }.isQuiet)
        #expect(!tcp { $0.retransmissions = 1 }.isQuiet)
        #expect(!tcp { $0.probes = 1 }.isQuiet)
        #expect(!tcp { $0.state = .synSent }.isQuiet)
        #expect(!tcp { $0.state = .finWait1 }.isQuiet)
    }

    @Test("a listener without waiting clients is quiet, and no listener is connected")
    func listening() {
        var socket = tcp { $0.state = .listen }
        socket.isListening = true
        #expect(socket.isQuiet)
        #expect(!socket.isConnected)
        socket.pendingConnections = 1
        #expect(!socket.isQuiet)
    }

    @Test("a Unix socket with a peer is connected, even if the peer is closed")
    func connected() {
        var socket = MachineSocket(.unix, cookie: 1, inode: 2)
        #expect(!socket.isConnected)
        socket.peerInode = 0
        #expect(socket.isConnected)
        #expect(tcp().isConnected)
        #expect(!tcp { $0.state = .closed }.isConnected)
        #expect(!tcp { $0.state = .timeWait }.isConnected)
    }

    @Test("a socket without an inode has no owner")
    func ownerless() {
        #expect(MachineSocket(.tcp, cookie: 1, inode: 0).isOwnerless)
        #expect(!tcp().isOwnerless)
    }
}
