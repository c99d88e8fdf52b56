import Sockets
import Testing

@Suite("LineServer", .ownThread)
struct LineServerTests {
    @Test("each line gets its answer, whatever ends it, the last one too")
    func eachLineGetsItsAnswer() throws {
        let program = try Program("LineServer", "0", "1")
        let port = try program.port(after: "Listening on")
        let caller = try Socket(to: .ipv4(.loopback, port: port))
        #expect(try program.line() == "Got connection from \(caller.localAddress)")
        try caller.sendAll("one\r\ntwo\n\nlast")
        try caller.shutdown(.write)
        #expect(
            try caller.receiveToEnd() == """
                1: you said "one"
                2: you said "two"
                3: you said ""
                4: you said "last"

                """)
        #expect(
            try program.remainingLines() == ["\(caller.localAddress) has gone after 4 lines"])
    }

    @Test("a silent caller does not keep the next one waiting")
    func aSilentCallerKeepsNobodyWaiting() throws {
        let program = try Program("LineServer", "0", "2")
        let port = try program.port(after: "Listening on")
        let silent = try Socket(to: .ipv4(.loopback, port: port))
        #expect(try program.line() == "Got connection from \(silent.localAddress)")
        let caller = try Socket(to: .ipv4(.loopback, port: port))
        #expect(try program.line() == "Got connection from \(caller.localAddress)")
        let stream = SocketStream(caller)
        try stream.write("hello\n")
        try stream.flush()
        #expect(try stream.readLine(timeout: patience) == "1: you said \"hello\"")
        try stream.close()
        #expect(try program.line() == "\(caller.localAddress) has gone after 1 lines")
        silent.close()
        #expect(
            try program.remainingLines() == ["\(silent.localAddress) has gone after 0 lines"])
    }
}
