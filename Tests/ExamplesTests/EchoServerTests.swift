import Sockets
import Testing

@Suite("EchoServer")
struct EchoServerTests {
    @Test("several callers at once get back what they send, until they have said all")
    func severalCallers() throws {
        let program = try Program("EchoServer", "0")
        let port = try program.port(after: "Listening on")
        let callers = try (0..<5).map { _ in
            try Socket(to: .ipv4(.loopback, port: port))
        }
        for (number, caller) in callers.enumerated().reversed() {
            try caller.sendAll("caller \(number)")
            try caller.shutdown(.write)
            #expect(try caller.receiveToEnd() == "caller \(number)")
        }
    }
}
