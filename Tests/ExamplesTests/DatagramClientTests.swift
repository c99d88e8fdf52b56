import Sockets
import Testing

@Suite("DatagramClient", .ownThread)
struct DatagramClientTests {
    private static let explanation =
        "UDP cannot know when the server is done: 2 seconds of silence are the end."

    @Test("every answer that comes in time is printed, then silence is the end")
    func everyAnswerIsPrinted() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let program = try Program("DatagramClient", "127.0.0.1", "\(server.port)", "ping")
        let question = try server.receiveFrom(timeout: patience)
        #expect(question.text == "ping")
        try server.send("pong", to: question.sender)
        try server.send("pong again", to: question.sender)
        #expect(
            try program.remainingLines() == [
                "Sent 4 bytes to 127.0.0.1:\(server.port)",
                Self.explanation,
                "Received 4 bytes: pong",
                "Received 10 bytes: pong again",
                "No more answers.",
            ])
    }

    @Test("a port where nobody receives is refused at once, not after the time limit")
    func aPortWhereNobodyReceives() throws {
        // Connected to somebody else, it takes nothing from strangers, and keeps the port.
        let deaf = try Socket(on: .udp("127.0.0.1", port: 0))
        try deaf.connect(to: .ipv4(.loopback, port: 9))
        defer { deaf.close() }
        #expect(
            try Program("DatagramClient", "127.0.0.1", "\(deaf.port)", "ping").remainingLines() == [
                "Sent 4 bytes to 127.0.0.1:\(deaf.port)",
                Self.explanation,
                "cannot receive from 127.0.0.1:\(deaf.port): connection refused",
            ])
    }
}
