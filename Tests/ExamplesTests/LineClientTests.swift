import Sockets
import Testing

@Suite("LineClient", .ownThread)
struct LineClientTests {
    @Test("the client and server examples exchange lines")
    func examplesExchangeLines() throws {
        let server = try Program("LineServer", "0", "1")
        let port = try server.port(after: "Listening on")
        let client = try Program("LineClient", "127.0.0.1", "\(port)", input: "Hello\nGrüße 你好\n")
        #expect(
            try client.remainingLines() == [
                "Connected to 127.0.0.1:\(port)",
                "1: you said \"Hello\"",
                "2: you said \"Grüße 你好\"",
            ])
        let firstLine = try server.line()
        #expect(firstLine.hasPrefix("Got connection from 127.0.0.1:"))
        let name = firstLine.dropFirst("Got connection from ".count)
        #expect(try server.remainingLines() == ["\(name) left, lines: 2"])
    }

    @Test("the client reports that the server closed the connection")
    func reportsClosedConnection() throws {
        let server = try Socket.loopbackServer()
        let client = try Program("LineClient", "127.0.0.1", "\(server.port)", input: "one\ntwo\n")
        let stream = SocketStream(try server.accept(timeout: testTimeout))
        #expect(try stream.readLine(timeout: testTimeout) == "one")
        try stream.close()
        #expect(
            try client.remainingLines() == [
                "Connected to 127.0.0.1:\(server.port)",
                "The server closed the connection",
            ])
    }
}
