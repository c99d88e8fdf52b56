import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ServeTests {
    @Test(
        "each service sends the expected reply over TCP and UDP on the announced port",
        arguments: ClassicService.allCases)
    func services(service: ClassicService) throws {
        let server = try RunningSock("serve", service.rawValue, "0")
        defer { server.send(signal: 15) }
        let port = try Port(parsing: server.port())
        let client = try Socket(to: .tcp("127.0.0.1", port: port))
        try client.sendAll("x")
        try client.shutdown(.write)
        let reply =
            service == .chargen
            ? try client.receive(atMost: 74, timeout: .seconds(10)) : try client.receiveToEnd()
        let expected: ClosedRange<Int> =
            switch service {
            case .echo: 1...1
            case .discard: 0...0
            case .daytime: 26...26
            case .time: 4...4
            case .chargen: 74...74
            case .sink: 8...8
            }
        #expect(expected.contains(reply.count))

        let peer = try Socket(to: .udp("127.0.0.1", port: port))
        try peer.send("x")
        if service == .discard {
            #expect(throws: SocketError.self) { try peer.receive(timeout: .milliseconds(50)) }
        } else {
            #expect(try !peer.receive(timeout: .seconds(10)).isEmpty)
        }
    }

    @Test("serve announces the address and the service")
    func announces() throws {
        let server = try RunningSock("serve", "-4", "--threads", "2", "echo", "0")
        defer { server.send(signal: 15) }
        let port = try server.port()
        try server.waitForErrors { $0 == "Listening on 127.0.0.1:\(port) (echo, tcp and udp)\n" }
    }

    @Test("serve -6 serves only IPv6 on every interface", arguments: ["*", "::"])
    func onlyIPv6(host: String) throws {
        // While the test holds the port for IPv4, no other program can listen on it.
        let (holder, number) = try Peer.boundPort()
        let server = try RunningSock("serve", "-v", "-6", "echo", host, number)
        defer { server.send(signal: 15) }
        let port = try Port(parsing: server.port())
        try server.waitForErrors { $0.hasSuffix("(echo, tcp and udp, IPv6 only)\n") }
        _ = try Socket(to: .tcp("::1", port: port))
        let error = #expect(throws: SocketError.self) {
            try Socket(to: .tcp("127.0.0.1", port: port))
        }
        #expect(error?.errno == .connectionRefused)
        holder.close()
    }

    @Test("serve lets a connected client finish after SIGTERM")
    func graceful() throws {
        let server = try RunningSock("serve", "-v", "sink", "127.0.0.1", "0")
        let port = try Port(parsing: server.port())
        let client = try Socket(to: .tcp("127.0.0.1", port: port))
        try server.waitForErrors { $0.contains("Connection from") }
        try client.sendAll("12345")
        server.send(signal: 15)
        try client.shutdown(.write)
        #expect(try client.receiveToEnd() == [5, 0, 0, 0, 0, 0, 0, 0])
        #expect(try server.outcome().status == 0)
    }

    @Test("serve --threads 2 echoes to 1,000 concurrent clients with two event loops")
    func thousand() throws {
        let server = try RunningSock("serve", "echo", "127.0.0.1", "0", "--threads", "2")
        defer { server.send(signal: 15) }
        let port = try Port(parsing: server.port())
        let clients = try (0..<1000).map { _ in
            try Socket(to: .tcp("127.0.0.1", port: port))
        }
        for (number, client) in clients.enumerated() { try client.sendAll("I am \(number)\n") }
        for (number, client) in clients.enumerated() {
            let answer = try SocketStream(client).readLine(timeout: .seconds(20))
            #expect(answer == "I am \(number)")
        }
        // The threads are the main thread, a thread for signals and the two event loops. A
        // sanitizer adds one thread.
        #expect((4...5).contains(try #require(try server.threadCount())))
    }

    @Test(
        "serve rejects a --threads value outside 1 to 1024",
        arguments: ["0", "1025", "-1", "+2", "two", "2x"])
    func threads(number: String) throws {
        let outcome = try SockProgram.run("serve", "echo", "0", "--threads", number)
        #expect(outcome.status == 2)
        #expect(
            outcome.errorLines
                == ["sock: --threads needs a number from 1 to 1024, not '\(number)'"])
    }

    @Test("serve exits with status 1 and a hint if --threads exceeds the descriptor limit")
    func tooManyThreads() throws {
        let outcome = try SockProgram.shell(
            "ulimit -n 64; exec \"$SOCK\" serve echo 0 --threads 100")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("too many open files"))
        #expect(outcome.errorLines.last == "      Raise the limit of open files: ulimit -n 65536.")
    }

    @Test("serve disconnects an unfinished client 1 s after SIGTERM")
    func gracePeriod() throws {
        let server = try RunningSock("serve", "-v", "echo", "127.0.0.1", "0")
        let port = try Port(parsing: server.port())
        let client = try Socket(to: .tcp("127.0.0.1", port: port))
        try server.waitForErrors { $0.contains("Connection from") }
        let start = ContinuousClock.now
        server.send(signal: 15)
        #expect(try client.receiveToEnd().isEmpty)
        let outcome = try server.outcome()
        #expect(outcome.status == 0)
        #expect(start.duration(to: .now) >= .seconds(1))
        #expect(outcome.errorLines.count == 2, "\(outcome.errors)")
    }

    @Test(
        "a client whose request is not read receives the whole reply of a service, and no reset",
        arguments: [ClassicService.daytime, .time])
    func unreadRequest(service: ClassicService) throws {
        let server = try RunningSock("serve", service.rawValue, "127.0.0.1", "0")
        defer { server.send(signal: 15) }
        let port = try Port(parsing: server.port())
        for _ in 0..<20 {
            let client = try Socket(to: .tcp("127.0.0.1", port: port))
            try client.sendAll([UInt8](repeating: 7, count: 200_000))
            #expect(try client.receiveToEnd().count == (service == .time ? 4 : 26))
        }
    }

    @Test(
        "serve localhost serves streams and datagrams on each address of the name",
        arguments: ["127.0.0.1", "::1"])
    func everyAddress(host: String) throws {
        let server = try RunningSock("serve", "echo", "localhost", "0")
        defer { server.send(signal: 15) }
        let port = try Port(parsing: server.port())
        let client = try Socket(to: .tcp(host, port: port))
        try client.sendAll("x")
        #expect(try client.receive(timeout: .seconds(10)) == [120])
        let sender = try Socket(to: .udp(host, port: port))
        try sender.send("y")
        #expect(try sender.receive(timeout: .seconds(10)) == [121])
    }

    @Test("serve exits with status 2 for a multicast group")
    func group() throws {
        let outcome = try SockProgram.run("serve", "echo", "239.1.1.1", "0")
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("239.1.1.1 is a multicast group"))
    }
}
