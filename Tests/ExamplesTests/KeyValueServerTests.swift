import Sockets
import Testing

@testable import KeyValueServer

@Suite("KeyValueServer", .ownThread)
struct KeyValueServerTests {
    private static let requests = "GET key\nSET key 5\na\nb\ncGET key\nNOISE\n"
    private static let replies = """
        NONE
        STORED
        VALUE 5
        a
        b
        cERROR expected SET key length or GET key

        """

    /// Sends the requests and returns the replies.
    private func replies(to client: some ByteReader & ByteWriter) async throws -> String {
        try await client.write(Self.requests)
        try client.shutdown(.write)
        return String(decoding: try await client.readToEnd(timeout: testTimeout), as: UTF8.self)
    }

    @Test(
        "the protocol is tested in memory, where each byte may arrive alone",
        arguments: [1, 2, 7, .max])
    func memory(largestTransfer: Int) async throws {
        let (client, server) = try MemoryStream.pair(largestTransfer: largestTransfer)
        let serving = Task {
            try await serveKeyValues(server, server)
            server.close()
        }
        #expect(try await replies(to: client) == Self.replies)
        try await serving.value
    }

    @Test("a value that is too long ends the session with an error line")
    func tooLong() async throws {
        let (client, server) = try MemoryStream.pair()
        try await client.write("SET key 65537\n")
        try await serveKeyValues(server, server)
        #expect(try await client.readLine() == "ERROR the length must be 0 to 65536")
    }

    @Test("a client that closes inside a value ends the session with an error")
    func endsInside() async throws {
        let (client, server) = try MemoryStream.pair()
        try await client.write("SET key 5\nab")
        client.close()
        let error = await #expect(throws: SocketError.self) {
            try await serveKeyValues(server, server)
        }
        #expect(error?.cause == .endOfStream)
    }

    @Test("the program serves the protocol over TCP")
    func overTCP() async throws {
        let program = try Program("KeyValueServer", "0")
        let port = try program.port(after: "Listening on")
        let client = try await Connection(to: .ipv4(.loopback, port: port))
        #expect(try await replies(to: client) == Self.replies)
    }

    @Test("the program serves the protocol over standard input and output")
    func overStandardStreams() throws {
        let program = try Program("KeyValueServer", "-", input: Self.requests)
        let lines = Self.replies.split(separator: "\n").map(String.init)
        #expect(try program.remainingLines() == lines)
    }
}
