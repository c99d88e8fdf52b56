import Glibc
import Testing

@testable import Sockets

@Suite("PacketConnection: release, duplicate", .ownThread)
struct PacketConnectionDescriptorTests {
    @Test("release returns a blocking descriptor, which continues the connection")
    func release() async throws {
        let (one, other) = try PacketConnection.pair()
        let socket = try Socket(adopting: one.release())
        #expect(one.isClosed)
        #expect(fcntl(socket.descriptor, F_GETFL) & O_NONBLOCK == 0)
        try socket.send("x")
        #expect(try await other.receive()?.text == "x")
        let again = try PacketConnection(adopting: socket)
        try await other.send("y")
        #expect(try await again.receive()?.text == "y")
    }

    @Test("release fails with EBUSY while a task receives, and the receive continues")
    func busy() async throws {
        let (one, other) = try PacketConnection.pair()
        async let packet = one.receive()
        await one.untilReading()
        let error = #expect(throws: SocketError.self) { try one.release() }
        #expect(error?.errno == .resourceBusy)
        try await other.send("x")
        #expect(try await packet?.text == "x")
    }

    @Test("a duplicate continues the connection after the original was closed")
    func duplicate() async throws {
        let (one, other) = try PacketConnection.pair()
        let copy = try one.duplicate()
        one.close()
        try await copy.send("x")
        #expect(try await other.receive()?.text == "x")
        try await other.send("")
        #expect(try await copy.receive()?.text == "")
        copy.close()
        #expect(try await other.receive() == nil)
    }

    @Test("release and duplicate of a closed connection throw .closed")
    func closed() throws {
        let (one, _) = try PacketConnection.pair()
        one.close()
        let attempts: [() throws -> Void] = [
            { _ = try one.release() }, { _ = try one.duplicate() },
        ]
        for attempt in attempts {
            let error = #expect(throws: SocketError.self) { try attempt() }
            #expect(error?.cause == .closed)
        }
    }
}
