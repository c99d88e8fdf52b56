import Sockets
import Testing

@Suite(.ownThread)
struct DatagramListenerTests {
    @Test("every sender receives the input as a reply, even after the end of input")
    func everySender() throws {
        let listener = try RunningSock("-lu", "127.0.0.1", "0")
        let port = try Port(parsing: listener.port())
        listener.write("pong")
        listener.endInput()
        for name in ["one", "two"] {
            let sender = try Socket(to: .udp("127.0.0.1", port: port))
            try sender.send(name)
            #expect(try sender.receive(timeout: .seconds(10)) == Array("pong".utf8))
        }
        try listener.waitForOutput("onetwo")
        listener.send(signal: 15)
        #expect(try listener.outcome().status == 0)
    }

    @Test("later input is sent to all earlier senders")
    func conversation() throws {
        let listener = try RunningSock("-lu", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let port = try Port(parsing: listener.port())
        let senders = try (0..<2).map { _ in try Socket(to: .udp("127.0.0.1", port: port))
        }
        for sender in senders { try sender.send("x") }
        try listener.waitForOutput("xx")
        listener.write("news")
        for sender in senders {
            #expect(try sender.receive(timeout: .seconds(10)) == Array("news".utf8))
        }
    }

    @Test("-w ends sock -lu after the idle time, and -q after the end of input")
    func limits() throws {
        for flag in ["-w0.2", "-q0.2"] {
            let listener = try RunningSock("-lu", flag, "127.0.0.1", "0")
            listener.endInput()
            let port = try Port(parsing: listener.port())
            let sender = try Socket(to: .udp("127.0.0.1", port: port))
            try sender.send("x")
            let outcome = try listener.outcome()
            #expect(outcome.status == 0)
            #expect(outcome.text == "x")
        }
    }
}
