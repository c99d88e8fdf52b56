import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Pairs of sockets")
struct SocketPairsTests {
    private func tcp(
        _ cookie: UInt64, _ local: String, _ remote: String, inode: UInt32 = 9
    ) throws -> MachineSocket {
        MachineSocket(
            .tcp, cookie: cookie, inode: inode, local: try #require(SocketAddress(local)),
            remote: try #require(SocketAddress(remote)), statistics: MeasuredStatistics.quiet())
    }

    private func listener(_ cookie: UInt64, _ local: String) throws -> MachineSocket {
        var socket = try tcp(cookie, local, "0.0.0.0:0")
        socket.isListening = true
        return socket
    }

    @Test("sockets with opposite addresses are paired as the ends of one TCP connection")
    func tcp() throws {
        let near = try tcp(1, "127.0.0.1:40000", "127.0.0.1:80")
        let far = try tcp(2, "127.0.0.1:80", "127.0.0.1:40000")
        let other = try tcp(3, "127.0.0.1:80", "127.0.0.1:40001")
        let pairs = SocketPairs([near, other, far])
        #expect(pairs.peer(of: near) == far)
        #expect(pairs.peer(of: far) == near)
        #expect(pairs.peer(of: other) == nil)
    }

    @Test("a socket that is connected to itself is paired with itself")
    func itself() throws {
        let socket = try tcp(1, "127.0.0.1:40000", "127.0.0.1:40000")
        #expect(SocketPairs([socket]).peer(of: socket) == socket)
    }

    @Test("Unix sockets are paired only if each socket names the inode of its peer")
    func unix() {
        var near = MachineSocket(.unix, cookie: 1, inode: 11)
        var far = MachineSocket(.unix, cookie: 2, inode: 12)
        (near.peerInode, far.peerInode) = (12, 11)
        #expect(SocketPairs([near, far]).peer(of: near) == far)
        far.peerInode = 13
        #expect(SocketPairs([near, far]).peer(of: near) == nil)
        near.peerInode = 0
        #expect(SocketPairs([near, far]).peer(of: near) == nil)
    }

    @Test("an unaccepted TCP client is assigned to its listener")
    func unaccepted() throws {
        let near = try tcp(1, "127.0.0.1:40000", "127.0.0.1:80")
        let far = try tcp(2, "127.0.0.1:80", "127.0.0.1:40000", inode: 0)
        let listening = try listener(3, "0.0.0.0:80")
        let pairs = SocketPairs([near, far, listening])
        #expect(pairs.listenerThatShouldAccept(near) == listening)
        #expect(pairs.listenerThatShouldAccept(far) == listening)

        var accepted = far
        accepted.inode = 4
        #expect(SocketPairs([near, accepted, listening]).listenerThatShouldAccept(near) == nil)
        // A closed socket with unsent bytes has no owner either, but is not a client.
        var closed = far
        closed.statistics.state = .finWait1
        #expect(SocketPairs([near, closed, listening]).listenerThatShouldAccept(near) == nil)
    }

    @Test("an unaccepted Unix client is assigned to the listener that lists its inode")
    func unixUnaccepted() {
        var near = MachineSocket(.unix, cookie: 1, inode: 11)
        near.peerInode = 0
        var listening = MachineSocket(.unix, cookie: 2, inode: 12)
        listening.isListening = true
        listening.pendingInodes = [11]
        #expect(SocketPairs([near, listening]).listenerThatShouldAccept(near) == listening)
        listening.pendingInodes = []
        #expect(SocketPairs([near, listening]).listenerThatShouldAccept(near) == nil)
    }

    @Test("an address matches the most specific listener, but neither of two equal listeners")
    func listeners() throws {
        let address = try #require(SocketAddress("127.0.0.1:80"))
        let anywhere = try listener(1, "0.0.0.0:80")
        let here = try listener(2, "127.0.0.1:80")
        #expect(SocketPairs([anywhere, here]).listener(at: address) == here)
        #expect(SocketPairs([anywhere]).listener(at: address) == anywhere)
        #expect(SocketPairs([try listener(1, "[::]:80")]).listener(at: address) != nil)
        #expect(SocketPairs([here, try listener(3, "127.0.0.1:80")]).listener(at: address) == nil)
        #expect(SocketPairs([]).listener(at: .unnamed) == nil)
    }
}
