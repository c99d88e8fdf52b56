import Sockets
import Testing

@Suite("LineServer", .ownThread)
struct LineServerTests {
    @Test("the server answers lines that end with LF, CRLF or the end of the stream")
    func answersEachLine() throws {
        let program = try Program("LineServer", "0", "1")
        let port = try program.port(after: "Listening on")
        let client = try Socket(to: .ipv4(.loopback, port: port))
        #expect(try program.line() == "Got connection from \(client.localAddress)")
        try client.sendAll("one\r\ntwo\n\nlast")
        try client.shutdown(.write)
        #expect(
            try client.receiveToEnd() == """
                1: you said "one"
                2: you said "two"
                3: you said ""
                4: you said "last"

                """)
        #expect(
            try program.remainingLines() == ["\(client.localAddress) left, lines: 4"])
    }

    @Test("a silent client does not delay the next client")
    func silentClientDoesNotDelayTheNext() throws {
        let program = try Program("LineServer", "0", "2")
        let port = try program.port(after: "Listening on")
        let silent = try Socket(to: .ipv4(.loopback, port: port))
        #expect(try program.line() == "Got connection from \(silent.localAddress)")
        let client = try Socket(to: .ipv4(.loopback, port: port))
        #expect(try program.line() == "Got connection from \(client.localAddress)")
        let stream = SocketStream(client)
        try stream.write("hello\n")
        try stream.flush()
        #expect(try stream.readLine(timeout: testTimeout) == "1: you said \"hello\"")
        try stream.close()
        #expect(try program.line() == "\(client.localAddress) left, lines: 1")
        silent.close()
        #expect(
            try program.remainingLines() == ["\(silent.localAddress) left, lines: 0"])
    }

    @Test("a client that sends an overlong line still receives the answers to its earlier lines")
    func tooLongLine() throws {
        let program = try Program("LineServer", "0", "1")
        let port = try program.port(after: "Listening on")
        let client = try Socket(to: .ipv4(.loopback, port: port))
        try client.sendAll("one\n" + String(repeating: "x", count: 200_000), timeout: testTimeout)
        #expect(try client.receiveToEnd() == "1: you said \"one\"\n")
    }
}
