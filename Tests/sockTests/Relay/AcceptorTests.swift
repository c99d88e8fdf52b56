import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct AcceptorTests {
    @Test("callers come one after the other, and a closed listener is the end")
    func callers() throws {
        let listener = try Socket.listening(on: .tcp("127.0.0.1", port: 0))
        let caller = try Socket.connected(to: listener.localAddress)
        let accepted = try #require(try Acceptor(listener).next())
        #expect(accepted.remoteAddress == caller.localAddress)
        listener.close()
        #expect(try Acceptor(listener).next() == nil)
    }

    @Test("a server that runs out of descriptors serves again when some are released")
    func descriptors() throws {
        let server = try RunningSock(
            ["-c", "ulimit -n 24; exec \"$SOCK\" serve echo 127.0.0.1 0"], program: "/bin/bash")
        defer { server.send(signal: 15) }
        let port = try Port(parsing: server.port())
        var callers = try (0..<30).map { _ in
            try Socket.connected(to: .tcp("127.0.0.1", port: port))
        }
        try server.waitForErrors { $0.contains("too many open files") }
        for caller in callers { caller.close() }
        callers = []
        let late = try Socket.connected(to: .tcp("127.0.0.1", port: port))
        try late.sendAll("x")
        #expect(try late.receive(timeout: .seconds(10)) == [120])
    }
}
