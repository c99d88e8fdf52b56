import Sockets
import Testing

@Suite("DatagramClient", .ownThread)
struct DatagramClientTests {
    private static let explanation =
        "UDP has no end of stream, so the client stops after 2 seconds of silence."

    @Test("the client prints each reply and stops after 2 seconds of silence")
    func printsEveryReply() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let program = try Program("DatagramClient", "127.0.0.1", "\(server.port)", "ping")
        let request = try server.receiveFrom(timeout: testTimeout)
        #expect(request.text == "ping")
        try server.send("pong", to: request.sender)
        try server.send("pong again", to: request.sender)
        #expect(
            try program.remainingLines() == [
                "Sent \"ping\" to 127.0.0.1:\(server.port)",
                Self.explanation,
                "Received \"pong\"",
                "Received \"pong again\"",
                "No more replies.",
            ])
    }

    @Test("the client reports a refused datagram, not silence, if no program receives on the port")
    func unservedPortIsRefusedAtOnce() throws {
        // A socket that is connected to another peer keeps the port, but drops the client's datagrams.
        let bound = try Socket(on: .udp("127.0.0.1", port: 0))
        try bound.connect(to: .ipv4(.loopback, port: 9))
        defer { bound.close() }
        #expect(
            try Program("DatagramClient", "127.0.0.1", "\(bound.port)", "ping").remainingLines()
                == [
                    "Sent \"ping\" to 127.0.0.1:\(bound.port)",
                    Self.explanation,
                    "cannot receive from 127.0.0.1:\(bound.port): connection refused",
                ])
    }
}
