import SystemPackage
import Testing

@testable import Sockets

@Suite("Socket: the nonblocking mode of some calls", .ownThread)
struct SocketNonblockingTests {
    @Test("the mode lasts until the last call that needs it ends")
    func counts() throws {
        let (socket, _) = try Socket.pair()
        #expect(socket.beginNonblocking())
        #expect(socket.beginNonblocking())
        socket.endNonblocking()
        #expect(try !System.isBlocking(socket.descriptor))
        socket.endNonblocking()
        #expect(try System.isBlocking(socket.descriptor))
    }

    @Test("a shared socket keeps its mode")
    func shared() throws {
        let (socket, _) = try Socket.pair()
        let copy = try socket.duplicate()
        #expect(!socket.beginNonblocking())
        #expect(!copy.beginNonblocking())
        #expect(try System.isBlocking(socket.descriptor))
    }

    @Test("a receive without a limit waits on a nonblocking descriptor")
    func waits() throws {
        let (socket, peer) = try Socket.pair()
        #expect(socket.beginNonblocking())
        let receiving = Background { try socket.receive() }
        try waitUntilAThreadWaits(on: socket)
        try peer.sendAll("x")
        #expect(try receiving.value() == Array("x".utf8))
        socket.endNonblocking()
    }

    @Test("a call that is already waiting in the kernel goes on")
    func continues() throws {
        let (socket, peer) = try Socket.pair()
        let receiving = Background { try socket.receive() }
        try waitUntilAThreadWaits(on: socket)
        #expect(socket.beginNonblocking())
        socket.endNonblocking()
        try peer.sendAll("x")
        #expect(try receiving.value() == Array("x".utf8))
    }
}
