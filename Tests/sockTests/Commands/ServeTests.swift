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
        let caller = try Socket.connected(to: .tcp("127.0.0.1", port: port))
        try caller.sendAll("x")
        try caller.shutdown(.writing)
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

        let asker = try Socket.connected(to: .udp("127.0.0.1", port: port))
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
        let caller = try Socket.connected(to: .tcp("127.0.0.1", port: port))
        try server.waitForErrors { $0.contains("Connection from") }
        try caller.sendAll("12345")
        server.send(signal: 15)
        try caller.shutdown(.writing)
        #expect(try caller.receiveToEnd() == [5, 0, 0, 0, 0, 0, 0, 0])
        #expect(try server.outcome().status == 0)
    }
}
