import Sockets
import Testing

@Suite("LineClient", .ownThread)
struct LineClientTests {
    @Test("the two examples talk to each other, line by line")
    func theExamplesTalkToEachOther() throws {
        let server = try Program("LineServer", "0", "1")
        let port = try server.port(after: "Listening on")
        let client = try Program("LineClient", "127.0.0.1", "\(port)", input: "Hello\nGrüße 你好\n")
        #expect(
            try client.remainingLines() == [
                "Connected to 127.0.0.1:\(port)",
                "1: you said \"Hello\"",
                "2: you said \"Grüße 你好\"",
            ])
        let arrival = try server.line()
        #expect(arrival.hasPrefix("Got connection from 127.0.0.1:"))
        let name = arrival.dropFirst("Got connection from ".count)
        #expect(try server.remainingLines() == ["\(name) has gone after 2 lines"])
    }

    @Test("a server that hangs up ends the conversation")
    func aServerThatHangsUp() throws {
        let server = try Socket.loopbackServer()
        let client = try Program("LineClient", "127.0.0.1", "\(server.port)", input: "one\ntwo\n")
        let stream = SocketStream(try server.accept(timeout: patience))
        #expect(try stream.readLine(timeout: patience) == "one")
        try stream.close()
        #expect(
            try client.remainingLines() == [
                "Connected to 127.0.0.1:\(server.port)",
                "The server has ended the conversation",
            ])
    }
}
