import Sockets
import Testing

@Suite(.ownThread)
struct CallerGroupTests {
    private func call(_ port: String) throws -> Socket {
        try Socket(to: .tcp("127.0.0.1", port: Port(parsing: port)))
    }

    @Test("input goes to every caller present, and what they send to standard output")
    func everybody() throws {
        let listener = try RunningSock("-lkv", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let port = try listener.port()
        let (one, two) = (try call(port), try call(port))
        try listener.waitForErrors { $0.split(separator: "\n").count == 3 }
        listener.write("news")
        for caller in [one, two] {
            #expect(try caller.receive(timeout: .seconds(10)) == Array("news".utf8))
        }
        try one.sendAll("from one")
        try listener.waitForOutput("from one")
    }

    @Test("a caller who comes after the end of input is half-closed on arrival")
    func late() throws {
        let listener = try RunningSock("-lk", "127.0.0.1", "0")
        let port = try listener.port()
        listener.write("only once")
        listener.endInput()
        #expect(try call(port).receiveToEnd() == Array("only once".utf8))
        let late = try call(port)
        #expect(try late.receiveToEnd().isEmpty)
        try late.sendAll("still heard")
        late.close()
        try listener.waitForOutput("still heard")
        listener.send(signal: 15)
        #expect(try listener.outcome().status == 0)
    }

    @Test("one caller who resets is not the end of the others")
    func reset() throws {
        let listener = try RunningSock("-lkv", "127.0.0.1", "0")
        let port = try listener.port()
        let rude = try call(port)
        try listener.waitForErrors { $0.contains("Connection from") }
        try rude.setOption(.linger, to: .zero)
        rude.close()
        try listener.waitForErrors { $0.contains("connection reset") }
        let polite = try call(port)
        try polite.sendAll("hello")
        try listener.waitForOutput("hello")
        listener.send(signal: 15)
        #expect(try listener.outcome().status == 0)
    }

    @Test("output that cannot be written ends it with 23")
    func full() throws {
        let listener = try RunningSock(
            ["-c", "exec \"$SOCK\" -lk 127.0.0.1 0 >/dev/full"], program: "/bin/bash")
        try call(listener.port()).sendAll("x")
        #expect(try listener.outcome().status == 23)
    }

    @Test("two hundred callers at once each get all of the input, from a process with few threads")
    func many() throws {
        let listener = try RunningSock("-lkv", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let port = try listener.port()
        let callers = try (0..<200).map { _ in try call(port) }
        // The line that tells the port, and one for each caller.
        try listener.waitForErrors { $0.split(separator: "\n").count == 201 }
        listener.write("to everybody")
        listener.endInput()
        for caller in callers {
            #expect(try caller.receiveToEnd() == Array("to everybody".utf8))
        }
        // The main thread, those for signals, input, output and our words, and one loop; a sanitizer
        // has its own.
        #expect((6...7).contains(try #require(try listener.threadCount())))
    }

    @Test("what was received when it is told to stop still comes out, however slowly it is taken")
    func bulk() throws {
        let listener = try RunningSock(
            ["-c", "exec \"$SOCK\" -lkv 127.0.0.1 0 > >(sleep 1; wc -c)"], program: "/bin/bash")
        let caller = try call(listener.port())
        // More than a pipe holds, and less than the program queues.
        let bytes = [UInt8](repeating: 1, count: 200_000)
        try caller.sendAll(bytes, timeout: .seconds(20))
        caller.close()
        listener.endInput()
        try listener.waitForErrors { $0.contains("has gone; bytes: 0 sent, 200000 received") }
        listener.send(signal: 15)
        let outcome = try listener.outcome()
        #expect(outcome.status == 0)
        #expect(outcome.text == "200000\n")
    }

    @Test("-w hangs up on a caller with whom nothing moves, and on nobody else")
    func silence() throws {
        let listener = try RunningSock("-lkv", "-w", "200ms", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let port = try listener.port()
        let silent = try call(port)
        #expect(try silent.receiveToEnd().isEmpty)
        try listener.waitForErrors {
            $0.contains("\(silent.localAddress) has gone; bytes: 0 sent, 0 received")
        }
        let next = try call(port)
        try next.sendAll("hello")
        try listener.waitForOutput("hello")
    }

    @Test("input that comes when the last caller has gone is for the next one")
    func kept() throws {
        let listener = try RunningSock("-lkv", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let port = try listener.port()
        let first = try call(port)
        try first.sendAll("x")
        try listener.waitForOutput("x")
        try first.setOption(.linger, to: .zero)
        first.close()
        try listener.waitForErrors { $0.contains("has gone") }
        listener.write("news")
        #expect(try call(port).receive(timeout: .seconds(10)) == Array("news".utf8))
    }

    @Test("a closed output pipe ends it as it ends cat")
    func pipe() throws {
        let listener = try RunningSock(
            ["-c", "\"$SOCK\" -lk 127.0.0.1 0 | exec true; echo \"status ${PIPESTATUS[0]}\""],
            program: "/bin/bash")
        let caller = try call(listener.port())
        // The other end of the pipe may close a moment later than the port is told.
        while (try? caller.sendAll("x")) != nil {}
        #expect(try listener.outcome().text == "status 141\n")
    }

    @Test("-k works for Unix sockets too, whose callers have no address")
    func unix() throws {
        let listener = try RunningSock("-lkvU", "@sock-\(UInt64.random(in: 0 ... .max))")
        defer { listener.send(signal: 15) }
        let errors = try listener.waitForErrors { $0.contains("Listening on ") }
        let name = errors.split(separator: " ").last.map { $0.dropLast() } ?? ""
        #expect(try SockProgram.run("-U", String(name), input: "hello").status == 0)
        try listener.waitForOutput("hello")
        try listener.waitForErrors { $0.contains("Connection from a program without an address") }
    }
}
