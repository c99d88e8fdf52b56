import Sockets
import Testing

@Suite(.ownThread)
struct CallerGroupTests {
    private func call(_ port: String) throws -> Socket {
        try Socket.connected(to: .tcp("127.0.0.1", port: Port(parsing: port)))
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
}
