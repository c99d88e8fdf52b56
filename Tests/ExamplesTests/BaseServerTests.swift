import Sockets
import Testing

@Suite("BaseServer", .ownThread)
struct BaseServerTests {
    @Test("each caller is reported, and the connection closed")
    func eachCallerIsReported() throws {
        let program = try Program("BaseServer", "0", "2")
        let port = try program.port(after: "Listening on")
        #expect(try program.line() == "Waiting for connections...")
        for _ in 1...2 {
            let caller = try Socket(to: .ipv4(.loopback, port: port))
            #expect(try program.line() == "Got connection from \(caller.localAddress)")
            #expect(try caller.receive(timeout: patience) == [])
        }
        #expect(try program.remainingLines() == [])
    }

    @Test("a port that is none is refused in one line")
    func aPortThatIsNoneIsRefused() throws {
        let lines = try Program("BaseServer", "70000").remainingLines()
        #expect(lines.count == 1)
        #expect(lines.first?.contains("70000") == true)
    }
}
