import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("A socket, seen from outside")
struct MachineSocketTests {
    private func tcp(_ change: (inout ConnectionStatistics) -> Void = { _ in }) -> MachineSocket {
        MachineSocket(
            .tcp, cookie: 1, inode: 2, statistics: MeasuredStatistics.quiet().with(change))
    }

    @Test("one in which nothing waits is quiet")
    func quiet() {
        #expect(tcp().isQuiet)
        #expect(tcp { $0.state = .closeWait }.isQuiet)
        #expect(
            MachineSocket(.unix, cookie: 1, inode: 2, statistics: MeasuredStatistics.unix()).isQuiet
        )
    }

    @Test("one in which something waits, or is under way, is not")
    func busy() {
        #expect(!tcp { $0.receiveQueue = 1 }.isQuiet)
        #expect(!tcp { $0.sendQueue = 1 }.isQuiet)
        #expect(!tcp { $0.retransmissions = 1 }.isQuiet)
        #expect(!tcp { $0.probes = 1 }.isQuiet)
        #expect(!tcp { $0.state = .synSent }.isQuiet)
        #expect(!tcp { $0.state = .finWait1 }.isQuiet)
    }

    @Test("one that listens is quiet while nobody waits, and never connected")
    func listening() {
        var socket = tcp { $0.state = .listen }
        socket.isListening = true
        #expect(socket.isQuiet)
        #expect(!socket.isConnected)
        socket.callers = 1
        #expect(!socket.isQuiet)
    }

    @Test("a Unix socket is connected if it knows a peer, also one that has gone")
    func connected() {
        var socket = MachineSocket(.unix, cookie: 1, inode: 2)
        #expect(!socket.isConnected)
        socket.peerInode = 0
        #expect(socket.isConnected)
        #expect(tcp().isConnected)
        #expect(!tcp { $0.state = .closed }.isConnected)
        #expect(!tcp { $0.state = .timeWait }.isConnected)
    }

    @Test("a socket without an inode belongs to no program")
    func ownerless() {
        #expect(MachineSocket(.tcp, cookie: 1, inode: 0).isOwnerless)
        #expect(!tcp().isOwnerless)
    }
}
