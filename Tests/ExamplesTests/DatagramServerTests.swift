import Sockets
import Testing

@Suite("DatagramServer", .ownThread)
struct DatagramServerTests {
    @Test("each datagram goes back to its sender, also an empty one")
    func eachDatagramGoesBack() throws {
        let program = try Program("DatagramServer", "0", "3")
        let port = try program.port(after: "Waiting for datagrams on")
        let first = try Socket(to: .udp("127.0.0.1", port: Port(port)))
        let second = try Socket(to: .udp("127.0.0.1", port: Port(port)))
        try first.send("one")
        #expect(try program.line() == "\(first.localAddress) sent 3 bytes: \"one\"")
        try second.send("\u{1B}[2J")
        #expect(try program.line() == "\(second.localAddress) sent 4 bytes: \"\\u{1B}[2J\"")
        try first.send("")
        #expect(try program.line() == "\(first.localAddress) sent 0 bytes: \"\"")
        #expect(try second.receive(timeout: patience) == Array("\u{1B}[2J".utf8))
        #expect(try first.receive(timeout: patience) == Array("one".utf8))
        #expect(try first.receive(timeout: patience) == [])
        #expect(try program.remainingLines() == [])
    }

    @Test("the two examples talk to each other")
    func theExamplesTalkToEachOther() throws {
        let server = try Program("DatagramServer", "0", "1")
        let port = try server.port(after: "Waiting for datagrams on")
        let client = try Program("DatagramClient", "127.0.0.1", "\(port)", "Hello")
        #expect(try client.remainingLines().contains("Received 5 bytes: Hello"))
        let lines = try server.remainingLines()
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix(" sent 5 bytes: \"Hello\"") == true)
    }
}
