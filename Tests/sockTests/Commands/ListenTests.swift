import Foundation
import Sockets
import Testing

@Suite(.ownThread)
struct ListenTests {
    @Test("sock -l serves one client in both directions and then exits")
    func one() throws {
        let listener = try RunningSock("-lv", "0")
        let port = try Port(parsing: listener.port())
        let client = try Socket(to: .tcp("127.0.0.1", port: port))
        listener.write("to the client")
        listener.endInput()
        try client.sendAll("from the client")
        try client.shutdown(.write)
        #expect(try client.receiveToEnd() == Array("to the client".utf8))
        let outcome = try listener.outcome()
        #expect(outcome.status == 0)
        #expect(outcome.text == "from the client")
        #expect(outcome.errorLines.count == 3, "\(outcome.errors)")
        #expect(outcome.errorLines.dropFirst().first == "Connection from \(client.localAddress)")
    }

    @Test("sock -l without -v does not print a port that was given")
    func announces() throws {
        let (spare, port) = try Peer.boundPort()
        spare.close()
        let listener = try RunningSock("-l", "127.0.0.1", port)
        var client: Socket?
        let end = ContinuousClock.now.advanced(by: .seconds(10))
        while client == nil, ContinuousClock.now < end {
            client = try? Socket(to: .tcp("127.0.0.1", port: Port(parsing: port)))
        }
        listener.endInput()
        client?.close()
        let outcome = try listener.outcome()
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
    }

    @Test("listen accepts every form of an address")
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

    @Test("listen exits with status 45 if the port is in use")
    func usedPort() throws {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let outcome = try SockProgram.run("-l", "127.0.0.1", "\(server.localAddress.port ?? 0)")
        #expect(outcome.status == 45)
        #expect(outcome.errorLines.count == 2)
    }

    @Test("sock -lU creates a socket file, serves a client and removes the file")
    func socketFile() throws {
        let path = try temporaryFolder() + "/s"
        let listener = try RunningSock("-lUv", path)
        try listener.waitForErrors { $0.contains("Listening on \(path)") }
        listener.endInput()
        let outcome = try SockProgram.run("-U", path, input: "hello")
        #expect(outcome.status == 0)
        #expect(try listener.outcome().text == "hello")
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("sock -lU removes the socket file after SIGTERM and exits with status 0")
    func removedWhenStopped() throws {
        let path = try temporaryFolder() + "/s"
        let listener = try RunningSock("-lkUv", path)
        try listener.waitForErrors { $0.contains("Listening") }
        listener.send(signal: SIGTERM)
        #expect(try listener.outcome().status == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("sock -lU replaces a stale socket file, but no socket in use and no file of another type")
    func occupied() throws {
        let path = try temporaryFolder() + "/s"
        let killed = try RunningSock("-lUv", path)
        try killed.waitForErrors { $0.contains("Listening") }
        killed.send(signal: SIGKILL)
        _ = try killed.outcome()
        #expect(FileManager.default.fileExists(atPath: path))

        let alive = try RunningSock("-lUv", path)
        try alive.waitForErrors { $0.contains("Listening") }
        #expect(try SockProgram.run("-lU", path).status == 45)
        alive.endInput()
        // The check did not count as the client of the running listener.
        #expect(try SockProgram.run("-U", path, input: "still here").status == 0)
        #expect(try alive.outcome().text == "still here")

        try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
        #expect(try SockProgram.run("-lU", path).status == 45)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("precious".utf8))
    }

    @Test("sock -luU replies to a Unix datagram")
    func unixDatagrams() throws {
        let path = try temporaryFolder() + "/s"
        let listener = try RunningSock("-luUv", path)
        try listener.waitForErrors { $0.contains("Listening") }
        listener.write("pong")
        let outcome = try SockProgram.run("-uU", path, input: "ping")
        #expect(outcome.status == 0)
        #expect(outcome.text == "pong")
        listener.send(signal: SIGTERM)
        #expect(try listener.outcome().text == "ping")
    }

    @Test("sock -lk exits with status 2 if -q is given")
    func keepAndQuit() throws {
        #expect(try SockProgram.run("-lk", "-q", "1", "0").status == 2)
    }

    @Test("listening without -k starts no event loop thread")
    func noLoops() throws {
        for line in [["-l", "127.0.0.1", "0"], ["-lu", "127.0.0.1", "0"]] {
            let listener = try RunningSock(line)
            defer { listener.send(signal: 15) }
            _ = try listener.port()
            // The threads are the main thread, a thread for signals and, with -u, a thread that
            // reads input. A sanitizer adds one thread. Event loops would add one thread per
            // processor.
            #expect(try listener.threadCount() ?? 0 <= (line == ["-l", "127.0.0.1", "0"] ? 3 : 4))
        }
    }

    @Test("a client whose request is not read receives the answer of sock -l, and no reset")
    func unreadRequest() throws {
        for _ in 0..<10 {
            let listener = try RunningSock("-l", "-q", "0", "127.0.0.1", "0")
            let port = try Port(parsing: listener.port())
            let client = try Socket(to: .tcp("127.0.0.1", port: port))
            try client.sendAll([UInt8](repeating: 7, count: 200_000))
            listener.write("answer")
            listener.endInput()
            #expect(try client.receiveToEnd() == Array("answer".utf8))
            client.close()
            #expect(try listener.outcome().status == 0)
        }
    }

    @Test("sock -l exits 2 s after the limit of -q if the client does not close")
    func lingering() throws {
        let listener = try RunningSock("-l", "-q", "0", "127.0.0.1", "0")
        let port = try Port(parsing: listener.port())
        let client = try Socket(to: .tcp("127.0.0.1", port: port))
        let start = ContinuousClock.now
        listener.endInput()
        #expect(try listener.outcome().status == 0)
        let time = start.duration(to: .now)
        #expect(time >= .seconds(2) && time < .seconds(8), "\(time)")
        client.close()
    }

    @Test(
        "sock -l localhost accepts a client on each address of the name",
        arguments: ["127.0.0.1", "::1"])
    func everyAddress(host: String) throws {
        let listener = try RunningSock("-l", "localhost", "0")
        let port = try Port(parsing: listener.port())
        let client = try Socket(to: .tcp(host, port: port))
        try client.sendAll("hello")
        try client.shutdown(.write)
        listener.write("answer")
        listener.endInput()
        #expect(try client.receiveToEnd() == Array("answer".utf8))
        let outcome = try listener.outcome()
        #expect(outcome.status == 0)
        #expect(outcome.text == "hello")
        #expect(
            outcome.errorLines == [
                "Listening on [::1]:\(port)", "Listening on 127.0.0.1:\(port)",
            ])
    }

    @Test("sock -lk localhost serves clients on all addresses of the name at the same time")
    func everyAddressTogether() throws {
        let listener = try RunningSock("-lk", "localhost", "0")
        let port = try Port(parsing: listener.port())
        let clients = try ["127.0.0.1", "::1"].map { try Socket(to: .tcp($0, port: port)) }
        for client in clients { try client.sendAll("x") }
        try listener.waitForOutput("xx")
        listener.write("news")
        for client in clients {
            #expect(try client.receive(timeout: .seconds(10)) == Array("news".utf8))
        }
        listener.send(signal: 15)
        #expect(try listener.outcome().status == 0)
    }

    @Test("SIGINT ends sock -l localhost, which waits on two addresses")
    func interruptedOnTwoAddresses() throws {
        let listener = try RunningSock("-l", "localhost", "0")
        _ = try listener.port()
        listener.send(signal: SIGINT)
        let outcome = try listener.outcome()
        #expect(outcome.isSignaled && outcome.status == 128 + SIGINT)
    }

    @Test("sock -l exits with status 2 for a multicast group, because TCP has none")
    func groupWithoutUDP() throws {
        let outcome = try SockProgram.run("-l", "239.1.1.1", "0")
        #expect(outcome.status == 2)
        #expect(outcome.errorLines.first == "sock: 239.1.1.1 is a multicast group, which needs UDP")
    }
}
