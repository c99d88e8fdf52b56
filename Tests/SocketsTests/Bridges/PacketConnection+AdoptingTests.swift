import Testing

@testable import Sockets

@Suite("PacketConnection(adopting:)", .ownThread)
struct PacketConnectionAdoptingTests {
    @Test("adopting a connected socket keeps its packets and closes the original socket")
    func adopting() async throws {
        let (one, other) = try Socket.pair(.sequencedPacket)
        try other.send("")
        let connection = try PacketConnection(adopting: one)
        #expect(one.isClosed)
        #expect(try await connection.receive() == Packet(bytes: [], originalCount: 0))
        try await connection.send("x")
        #expect(try other.receive() == [0x78])
    }

    @Test("adopting a socket of another type throws and leaves the socket open")
    func otherTypes() throws {
        for socket in [try Socket.pair(.stream).0, try Socket(.ipv4, .datagram)] {
            let error = #expect(throws: SocketError.self) {
                try PacketConnection(adopting: socket)
            }
            guard case .invalidInput = error?.cause else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(!socket.isClosed)
        }
    }

    @Test("adopting a socket that was never connected throws ENOTCONN")
    func unconnected() throws {
        let socket = try Socket(.unix, .sequencedPacket)
        let error = #expect(throws: SocketError.self) { try PacketConnection(adopting: socket) }
        #expect(error?.errno == .socketNotConnected)
        #expect(socket.isClosed)
    }
}
