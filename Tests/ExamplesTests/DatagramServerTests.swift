import Sockets
import Testing

@Suite("DatagramServer", .ownThread)
struct DatagramServerTests {
    @Test("the server returns each datagram to its sender, even an empty datagram")
    func sendsEachDatagramBack() throws {
        let program = try Program("DatagramServer", "0", "3")
        let port = try program.port(after: "Waiting for datagrams on")
        let first = try Socket(to: .udp("127.0.0.1", port: Port(port)))
        let second = try Socket(to: .udp("127.0.0.1", port: Port(port)))
        try first.send("one")
        #expect(try program.line() == "\(first.localAddress) sent \"one\"")
        try second.send("\u{1B}[2J")
        #expect(try program.line() == "\(second.localAddress) sent \"\\u{1B}[2J\"")
        try first.send("")
        #expect(try program.line() == "\(first.localAddress) sent \"\"")
        #expect(try second.receive(timeout: testTimeout) == Array("\u{1B}[2J".utf8))
        #expect(try first.receive(timeout: testTimeout) == Array("one".utf8))
        #expect(try first.receive(timeout: testTimeout) == [])
        #expect(try program.remainingLines() == [])
    }

    @Test("the client and server examples exchange a datagram")
    func examplesWorkTogether() throws {
        let server = try Program("DatagramServer", "0", "1")
        let port = try server.port(after: "Waiting for datagrams on")
        let client = try Program("DatagramClient", "127.0.0.1", "\(port)", "Hello")
        #expect(try client.remainingLines().contains("Received \"Hello\""))
        let lines = try server.remainingLines()
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix(" sent \"Hello\"") == true)
    }

    @Test("a client that sends to 127.0.0.2 receives the reply from that address")
    func addressOfReply() throws {
        let program = try Program("DatagramServer", "0", "1")
        let port = try program.port(after: "Waiting for datagrams on")
        // A connected socket does not receive a reply from another address.
        let client = try Socket(to: .udp("127.0.0.2", port: Port(port)))
        try client.send("one")
        #expect(try client.receive(timeout: testTimeout) == Array("one".utf8))
    }
}
