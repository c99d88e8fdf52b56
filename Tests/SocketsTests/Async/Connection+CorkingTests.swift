import Testing

@testable import Sockets

@Suite("Connection: corking", .ownThread)
struct ConnectionCorkingTests {
    private struct Refused: Error {}

    @Test("corked sets the option until its closure ends, even if the closure throws")
    func overTCP() async throws {
        let (client, server) = try Loopback.tcpPair()
        let connection = try Connection(adopting: client)
        try await connection.corked {
            #expect(try connection.option(.cork))
            try await connection.write("one")
            try await connection.write("two")
        }
        #expect(try !connection.option(.cork))
        #expect(try server.receive(timeout: .seconds(30)) == Array("onetwo".utf8))
        await #expect(throws: Refused.self) {
            try await connection.corked { throw Refused() }
        }
        #expect(try !connection.option(.cork))
    }

    @Test("on a Unix socket, corked runs its closure and sets no option")
    func overUnix() async throws {
        let (peer, connection) = try Connection.pair()
        let result = try await connection.corked {
            try await connection.write("one")
            return 7
        }
        #expect(result == 7)
        #expect(try await peer.read() == Array("one".utf8))
    }

    @Test("corked throws `closed` after close, without running its closure")
    func closed() async throws {
        let (client, _) = try Loopback.tcpPair()
        let connection = try Connection(adopting: client)
        connection.close()
        let error = await #expect(throws: SocketError.self) {
            try await connection.corked { Issue.record("expected no call") }
        }
        #expect(error?.cause == .closed)
    }

    @Test("corked works over TLS, and clears the option after a write that timed out")
    func overTLS() async throws {
        let (client, server) = try await TLSPeers.pair()
        try await client.corked {
            try await client.write("one")
            try await client.write("two")
        }
        #expect(try await server.readExactly(6) == Array("onetwo".utf8))
        let block = [UInt8](repeating: 1, count: 32 << 20)
        let error = await #expect(throws: SocketError.self) {
            try await client.corked { try await client.write(block, timeout: .milliseconds(20)) }
        }
        #expect(error?.isTimeout == true)
        #expect(try !client.option(.cork))
    }
}
