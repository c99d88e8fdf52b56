import Foundation
import Sockets
import Testing

@Suite(.ownThread)
struct ListenTests {
    private func folder() throws -> String {
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("sock-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    @Test("one caller is served in both directions, and then it is over")
    func one() throws {
        let listener = try RunningSock("-lv", "0")
        let port = try Port(parsing: listener.port())
        let caller = try Socket(to: .tcp("127.0.0.1", port: port))
        listener.write("to the caller")
        listener.endInput()
        try caller.sendAll("from the caller")
        try caller.shutdown(.write)
        #expect(try caller.receiveToEnd() == Array("to the caller".utf8))
        let outcome = try listener.outcome()
        #expect(outcome.status == 0)
        #expect(outcome.text == "from the caller")
        #expect(outcome.errorLines.count == 3, "\(outcome.errors)")
        #expect(outcome.errorLines.dropFirst().first == "Connection from \(caller.localAddress)")
    }

    @Test("the port is told when the kernel chose it, and otherwise only with -v")
    func announces() throws {
        let (spare, port) = try Peer.silentPort()
        spare.close()
        let listener = try RunningSock("-l", "127.0.0.1", port)
        var caller: Socket?
        let end = ContinuousClock.now.advanced(by: .seconds(10))
        while caller == nil, ContinuousClock.now < end {
            caller = try? Socket(to: .tcp("127.0.0.1", port: Port(parsing: port)))
        }
        listener.endInput()
        caller?.close()
        let outcome = try listener.outcome()
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
    }

    @Test("every way of writing the address listens there")
    func shapes() throws {
        for line in [
            ["-l", "127.0.0.1", "0"], ["-l", "-p", "0", "127.0.0.1"], ["-l", "127.0.0.1:0"],
            ["-l", "-s", "127.0.0.1", "-p0"], ["listen", "127.0.0.1", "0"],
        ] {
            let listener = try RunningSock(line)
            try listener.waitForErrors { $0.hasPrefix("Listening on 127.0.0.1:") }
            listener.send(signal: 9)
        }
    }

    @Test("a port that is taken is 45")
    func taken() throws {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let outcome = try SockProgram.run("-l", "127.0.0.1", "\(server.localAddress.port ?? 0)")
        #expect(outcome.status == 45)
        #expect(outcome.errorLines.count == 2)
    }

    @Test("a socket file is made, serves, and is removed")
    func socketFile() throws {
        let path = try folder() + "/s"
        let listener = try RunningSock("-lUv", path)
        try listener.waitForErrors { $0.contains("Listening on \(path)") }
        let outcome = try SockProgram.run("-U", path, input: "hello")
        #expect(outcome.status == 0)
        #expect(try listener.outcome().text == "hello")
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("a socket file is removed when the listener is told to stop")
    func removedWhenStopped() throws {
        let path = try folder() + "/s"
        let listener = try RunningSock("-lkUv", path)
        try listener.waitForErrors { $0.contains("Listening") }
        listener.send(signal: SIGTERM)
        #expect(try listener.outcome().status == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("a dead socket file is replaced, a living one and any other file are left alone")
    func occupied() throws {
        let path = try folder() + "/s"
        let killed = try RunningSock("-lUv", path)
        try killed.waitForErrors { $0.contains("Listening") }
        killed.send(signal: SIGKILL)
        _ = try killed.outcome()
        #expect(FileManager.default.fileExists(atPath: path))

        let alive = try RunningSock("-lUv", path)
        try alive.waitForErrors { $0.contains("Listening") }
        #expect(try SockProgram.run("-lU", path).status == 45)
        // And the living one has not taken the question for its caller.
        #expect(try SockProgram.run("-U", path, input: "still here").status == 0)
        #expect(try alive.outcome().text == "still here")

        try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try SockProgram.run("-lU", path).status == 45)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("precious".utf8))
    }

    @Test("Unix datagrams are answered")
    func unixDatagrams() throws {
        let path = try folder() + "/s"
        let listener = try RunningSock("-luUv", path)
        try listener.waitForErrors { $0.contains("Listening") }
        listener.write("pong")
        let outcome = try SockProgram.run("-uU", path, input: "ping")
        #expect(outcome.status == 0)
        #expect(outcome.text == "pong")
        listener.send(signal: SIGTERM)
        #expect(try listener.outcome().text == "ping")
    }

    @Test("-k with -q is refused, because one ends what the other keeps")
    func keepAndQuit() throws {
        #expect(try SockProgram.run("-lk", "-q", "1", "0").status == 2)
    }

    @Test("where nobody is served by tasks, no loop is started")
    func noLoops() throws {
        for line in [["-l", "127.0.0.1", "0"], ["-lu", "127.0.0.1", "0"]] {
            let listener = try RunningSock(line)
            defer { listener.send(signal: 15) }
            _ = try listener.port()
            // The main thread, one for signals, and with -u one that reads the input; a sanitizer has
            // its own. Loops would be as many as there are processors.
            #expect(try listener.threadCount() ?? 0 <= (line == ["-l", "127.0.0.1", "0"] ? 3 : 4))
        }
    }
}
