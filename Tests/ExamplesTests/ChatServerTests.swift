import Sockets
import Testing

@Suite("ChatServer", .ownThread)
struct ChatServerTests {
    /// Connects a client, and waits until it has joined.
    private func join(_ program: Program, _ port: UInt16) throws -> SocketStream {
        let client = try SocketStream(to: .tcp("127.0.0.1", port: port))
        #expect(try program.line() == "\(client.socket.localAddress) joined")
        return client
    }

    private func send(_ line: String, from client: SocketStream) throws {
        try client.write("\(line)\n")
        try client.flush()
    }

    @Test("two clients chat, and the lines that a client sends before its half-close arrive")
    func chat() throws {
        let program = try Program("ChatServer", "0")
        let port = try program.port(after: "Listening on")
        let (one, other) = (try join(program, port), try join(program, port))
        try send("hello", from: one)
        #expect(try other.readLine(timeout: testTimeout) == "\(one.socket.localAddress): hello")
        try send("hi", from: other)
        try send("bye", from: other)
        try other.socket.shutdown(.write)
        for text in ["hi", "bye"] {
            #expect(
                try one.readLine(timeout: testTimeout) == "\(other.socket.localAddress): \(text)")
        }
        #expect(try other.readLine(timeout: testTimeout) == nil)
        #expect(try program.line() == "\(other.socket.localAddress) left")
        try send("alone", from: one)
        try one.socket.shutdown(.write)
        #expect(try one.readLine(timeout: testTimeout) == nil)
        #expect(try program.line() == "\(one.socket.localAddress) left")
    }

    @Test("a client that does not read is disconnected and does not hold up the others")
    func slowClient() throws {
        let program = try Program("ChatServer", "0")
        let port = try program.port(after: "Listening on")
        let (one, other) = (try join(program, port), try join(program, port))
        let slow = try join(program, port)
        let text = String(repeating: "x", count: 60_000)
        // The lines first fill the kernel's buffers and then the queue of the slow client.
        while (try? slow.awaitHangup(timeout: .milliseconds(1))) == nil {
            try send(text, from: one)
            #expect(
                try other.readLine(timeout: testTimeout) == "\(one.socket.localAddress): \(text)")
        }
        #expect(try program.line() == "\(slow.socket.localAddress) read too slowly")
        #expect(try program.line() == "\(slow.socket.localAddress) left")
        try send("still here", from: other)
        #expect(
            try one.readLine(timeout: testTimeout) == "\(other.socket.localAddress): still here")
    }
}
