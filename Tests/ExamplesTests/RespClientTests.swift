import Sockets
import Testing

@Suite("RespClient", .ownThread)
struct RespClientTests {
    @Test("the client waits for the rest of a reply after a timeout in the middle of it")
    func survivesTimeouts() throws {
        let server = try Socket.loopbackServer()
        let client = try Program(
            "RespClient", "127.0.0.1", "\(server.port)", input: "GET key\nKEYS *\nPING\n")
        let stream = SocketStream(try server.accept(timeout: testTimeout))
        let get = Array("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n".utf8)
        #expect(try stream.readExactly(get.count, timeout: testTimeout) == get)
        try stream.write("$12\r\nhello ")
        try stream.flush()
        #expect(try client.line() == "Still waiting")
        try stream.write("there!\r\n")
        try stream.flush()
        #expect(try reply(of: client) == "hello there!")
        let keys = Array("*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n".utf8)
        #expect(try stream.readExactly(keys.count, timeout: testTimeout) == keys)
        try stream.write("*3\r\n$3\r\nkey\r\n:7\r\n*2\r\n$-1\r\n-ERR no\r\n")
        try stream.flush()
        #expect(try reply(of: client) == "[key, 7, [nil, error: ERR no]]")
        let ping = Array("*1\r\n$4\r\nPING\r\n".utf8)
        #expect(try stream.readExactly(ping.count, timeout: testTimeout) == ping)
        try stream.close()
        #expect(try reply(of: client) == "The server closed the connection")
        #expect(try client.remainingLines().isEmpty)
    }

    /// Returns the first line that does not report a timeout.
    private func reply(of client: Program) throws -> String {
        var line = try client.line()
        while line == "Still waiting" { line = try client.line() }
        return line
    }
}
