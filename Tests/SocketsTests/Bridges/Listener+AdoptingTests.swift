import Testing

@testable import Sockets

@Suite("Listener(adopting:)", .ownThread)
struct ListenerAdoptingTests {
    @Test("adopting a listening socket keeps the address and closes the original socket")
    func adopting() async throws {
        let socket = try Socket(on: .tcp("127.0.0.1", port: 0))
        let address = socket.localAddress
        let listener = try Listener(adopting: socket)
        #expect(socket.isClosed)
        #expect(listener.localAddress == address)
        let client = try Socket(to: address)
        #expect(try await listener.accept().remoteAddress == client.localAddress)
    }

    @Test("adopting a socket that does not listen throws and leaves the socket open")
    func adoptingOthers() throws {
        for socket in [try Socket(.ipv4, .stream), try Socket(.ipv4, .datagram)] {
            let error = #expect(throws: SocketError.self) { try Listener(adopting: socket) }
            guard case .invalidInput = error?.cause else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(!socket.isClosed)
        }
    }

    @Test("closing a listener during an accept does not affect a duplicate of its socket")
    func duplicates() async throws {
        let socket = try Socket(on: .tcp("127.0.0.1", port: 0))
        let duplicate = try socket.duplicate()
        let listener = try Listener(adopting: socket)
        try listener.source.beginReading()
        listener.close()
        listener.source.endReading()
        let client = try Socket(to: duplicate.localAddress)
        #expect(try duplicate.accept(timeout: .seconds(10)).remoteAddress == client.localAddress)
    }
}
