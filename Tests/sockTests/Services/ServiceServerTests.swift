import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ServiceServerTests {
    @Test("a service serves streams and datagrams together, and stop closes the listener")
    func serves() throws {
        let sockets = try ServiceSockets.open(host: "127.0.0.1", port: 0, family: nil)
        let port = Port(sockets[0].listener.localAddress.port ?? 0)
        let server = ServerTask()
        let isOver = Monitor(false)
        Worker.start {
            try? server.run(loops: 2) { loops in
                try await ServiceServer(.echo, sockets, on: loops, isVerbose: false).run()
            }
            isOver.update { $0 = true }
        }

        let first = try Socket(to: .tcp("127.0.0.1", port: port))
        let second = try Socket(to: .tcp("127.0.0.1", port: port))
        try second.sendAll("two")
        #expect(try second.receive(timeout: .seconds(5)) == Array("two".utf8))
        try first.sendAll("one")
        #expect(try first.receive(timeout: .seconds(5)) == Array("one".utf8))
        let datagram = try Socket(to: .udp("127.0.0.1", port: port))
        try datagram.send("three")
        #expect(try datagram.receive(timeout: .seconds(5)) == Array("three".utf8))

        first.close()
        second.close()
        server.stop()
        #expect(isOver.wait(atMost: .seconds(10)) { $0 })
        try waitForRefusal(of: port)
    }

    @Test(
        "a reply to a datagram is sent from the address that received the datagram",
        arguments: [["serve", "-4", "echo", "*", "0"], ["serve", "echo", "*", "0"]])
    func everyInterface(words: [String]) throws {
        let server = try RunningSock(words)
        defer { server.send(signal: 15) }
        let port = try Port(parsing: server.port())
        // A connected socket does not receive a reply from another address.
        let peer = try Socket(to: .udp("127.0.0.2", port: port))
        try peer.send("x")
        #expect(try peer.receive(timeout: .seconds(10)) == [120])
    }

    @Test("a shortage of descriptors is reported once, and a later client is served")
    func descriptors() throws {
        let server = try RunningSock(
            ["-c", "ulimit -n 24; exec \"$SOCK\" serve echo 127.0.0.1 0 --threads 1"],
            program: "/bin/bash")
        let port = try Port(parsing: server.port())
        var clients = try (0..<30).map { _ in
            try Socket(to: .tcp("127.0.0.1", port: port))
        }
        try server.waitForErrors { $0.contains("too many open files") }
        for client in clients { client.close() }
        clients = []
        let late = try Socket(to: .tcp("127.0.0.1", port: port))
        try late.sendAll("x")
        #expect(try late.receive(timeout: .seconds(10)) == [120])
        late.close()
        server.send(signal: 15)
        let outcome = try server.outcome()
        #expect(outcome.errorLines.count == 2, "\(outcome.errors)")
        #expect(
            outcome.errorLines.last
                == "sock: cannot accept connections at the moment, so clients wait in the backlog: "
                + "too many open files")
    }
}
