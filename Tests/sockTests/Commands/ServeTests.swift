import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ServeTests {
    @Test(
        "a service answers on TCP and UDP, under the port that it tells",
        arguments: ClassicService.allCases)
    func services(service: ClassicService) throws {
        let server = try RunningSock("serve", service.rawValue, "0")
        defer { server.send(signal: 15) }
        let port = try Port(parsing: server.port())
        let caller = try Socket(to: .tcp("127.0.0.1", port: port))
        try caller.sendAll("x")
        try caller.shutdown(.write)
        let answer =
            service == .chargen
            ? try caller.receive(atMost: 74, timeout: .seconds(10)) : try caller.receiveToEnd()
        let expected: ClosedRange<Int> =
            switch service {
            case .echo: 1...1
            case .discard: 0...0
            case .daytime: 26...26
            case .time: 4...4
            case .chargen: 74...74
            case .sink: 8...8
            }
        #expect(expected.contains(answer.count))

        let asker = try Socket(to: .udp("127.0.0.1", port: port))
        try asker.send("x")
        if service == .discard {
            #expect(throws: SocketError.self) { try asker.receive(timeout: .milliseconds(50)) }
        } else {
            #expect(try !asker.receive(timeout: .seconds(10)).isEmpty)
        }
    }

    @Test("the loopback of each family is told, with the service")
    func announces() throws {
        let server = try RunningSock("serve", "-4", "--threads", "2", "echo", "0")
        defer { server.send(signal: 15) }
        let port = try server.port()
        try server.waitForErrors { $0 == "Listening on 127.0.0.1:\(port) (echo, tcp and udp)\n" }
    }

    @Test("a caller who is being served may finish when the server is told to stop")
    func graceful() throws {
        let server = try RunningSock("serve", "-v", "sink", "127.0.0.1", "0")
        let port = try Port(parsing: server.port())
        let caller = try Socket(to: .tcp("127.0.0.1", port: port))
        try server.waitForErrors { $0.contains("Connection from") }
        try caller.sendAll("12345")
        server.send(signal: 15)
        try caller.shutdown(.write)
        #expect(try caller.receiveToEnd() == [5, 0, 0, 0, 0, 0, 0, 0])
        #expect(try server.outcome().status == 0)
    }

    @Test("a thousand callers at once are all echoed, by one process with few threads")
    func thousand() throws {
        let server = try RunningSock("serve", "echo", "127.0.0.1", "0", "--threads", "2")
        defer { server.send(signal: 15) }
        let port = try Port(parsing: server.port())
        let callers = try (0..<1000).map { _ in
            try Socket(to: .tcp("127.0.0.1", port: port))
        }
        for (number, caller) in callers.enumerated() { try caller.sendAll("I am \(number)\n") }
        for (number, caller) in callers.enumerated() {
            let answer = try SocketStream(caller).readLine(timeout: .seconds(20))
            #expect(answer == "I am \(number)")
        }
        // The main thread, one for signals, and the two that were asked for; a sanitizer has its own.
        #expect((4...5).contains(try #require(try server.threadCount())))
    }

    @Test(
        "--threads is a number from 1 to 1024", arguments: ["0", "1025", "-1", "+2", "two", "2x"])
    func threads(number: String) throws {
        let outcome = try SockProgram.run("serve", "echo", "0", "--threads", number)
        #expect(outcome.status == 2)
        #expect(
            outcome.errorLines
                == ["sock: --threads wants a number from 1 to 1024, not '\(number)'"])
    }

    @Test("more threads than there are descriptors for is an error that says what to do")
    func tooManyThreads() throws {
        let outcome = try SockProgram.shell(
            "ulimit -n 64; exec \"$SOCK\" serve echo 0 --threads 100")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("too many open files"))
        #expect(outcome.errorLines.last == "      Raise the limit of open files: ulimit -n 65536.")
    }

    @Test("told to stop, it gives a caller who does not finish one second")
    func impatient() throws {
        let server = try RunningSock("serve", "-v", "echo", "127.0.0.1", "0")
        let port = try Port(parsing: server.port())
        let caller = try Socket(to: .tcp("127.0.0.1", port: port))
        try server.waitForErrors { $0.contains("Connection from") }
        let start = ContinuousClock.now
        server.send(signal: 15)
        #expect(try caller.receiveToEnd().isEmpty)
        let outcome = try server.outcome()
        #expect(outcome.status == 0)
        #expect(start.duration(to: .now) >= .seconds(1))
        #expect(outcome.errorLines.count == 2, "\(outcome.errors)")
    }
}
