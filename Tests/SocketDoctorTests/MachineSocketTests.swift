import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("MachineSocket")
struct MachineSocketTests {
    private func tcp(_ change: (inout ConnectionStatistics) -> Void = { _ in }) -> MachineSocket {
        MachineSocket(
            .tcp, cookie: 1, inode: 2, statistics: MeasuredStatistics.quiet().with(change))
    }

    @Test("isQuiet is true for a socket without bytes in its queues")
    func quiet() {
        #expect(tcp().isQuiet)
        #expect(
            MachineSocket(.unix, cookie: 1, inode: 2, statistics: MeasuredStatistics.unix()).isQuiet
        )
    }

    @Test("isQuiet is false while bytes are queued or in flight, or while the state changes")
    func busy() {
        #expect(!tcp { $0.receiveQueue = 1 }.isQuiet)
        #expect(!tcp { $0.sendQueue = 1 }.isQuiet)
        #expect(!tcp { $0.retransmissions = 1 }.isQuiet)
        #expect(!tcp { $0.probes = 1 }.isQuiet)
        #expect(!tcp { $0.state = .synSent }.isQuiet)
        #expect(!tcp { $0.state = .finWait1 }.isQuiet)
    }

    @Test(
        "isQuiet is false if the peer has closed, because the program may have forgotten to close")
    func ended() {
        #expect(!tcp { $0.state = .closeWait }.isQuiet)
        let unix = MachineSocket(
            .unix, cookie: 1, inode: 2,
            statistics: MeasuredStatistics.unix().with { $0.isHungUp = true })
        #expect(!unix.isQuiet)
    }

    @Test("isQuiet is true for a listener without pending clients, and isConnected is false")
    func listening() {
        var socket = tcp { $0.state = .listen }
        socket.isListening = true
        #expect(socket.isQuiet)
        #expect(!socket.isConnected)
        socket.pendingConnections = 1
        #expect(!socket.isQuiet)
    }

    @Test(
        "isConnected is true for a Unix socket with a closed peer and false for a closed TCP socket"
    )
    func connected() {
        var socket = MachineSocket(.unix, cookie: 1, inode: 2)
        #expect(!socket.isConnected)
        socket.peerInode = 0
        #expect(socket.isConnected)
        #expect(tcp().isConnected)
        #expect(!tcp { $0.state = .closed }.isConnected)
        #expect(!tcp { $0.state = .timeWait }.isConnected)
    }

    @Test("isOwnerless is true only for a socket without an inode")
    func ownerless() {
        #expect(MachineSocket(.tcp, cookie: 1, inode: 0).isOwnerless)
        #expect(!tcp().isOwnerless)
    }
}
