import Sockets
import Testing

@Suite("BaseServer", .ownThread)
struct BaseServerTests {
    @Test("the server reports each client and closes the client's connection")
    func reportsEachClient() throws {
        let program = try Program("BaseServer", "0", "2")
        let port = try program.port(after: "Listening on")
        #expect(try program.line() == "Waiting for connections...")
        for _ in 1...2 {
            let client = try Socket(to: .ipv4(.loopback, port: port))
            #expect(try program.line() == "Got connection from \(client.localAddress)")
            #expect(try client.receive(timeout: testTimeout) == [])
        }
        #expect(try program.remainingLines() == [])
    }

    @Test("the program prints one line that names an invalid port")
    func rejectsInvalidPort() throws {
        let lines = try Program("BaseServer", "70000").remainingLines()
        #expect(lines.count == 1)
        #expect(lines.first?.contains("70000") == true)
    }

    @Test("a client whose bytes are not read receives EOF instead of a reset")
    func unreadBytes() throws {
        let program = try Program("BaseServer", "0", "1")
        let port = try program.port(after: "Listening on")
        let client = try Socket(to: .ipv4(.loopback, port: port))
        try client.sendAll([UInt8](repeating: 7, count: 200_000), timeout: testTimeout)
        #expect(try client.receive(timeout: testTimeout) == [])
    }
}
