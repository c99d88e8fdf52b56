import Sockets
import Testing

@Suite("EchoServer")
struct EchoServerTests {
    @Test("the server echoes to several clients at once until each client ends its stream")
    func severalClients() throws {
        let program = try Program("EchoServer", "0")
        let port = try program.port(after: "Listening on")
        let clients = try (0..<5).map { _ in
            try Socket(to: .ipv4(.loopback, port: port))
        }
        for (number, client) in clients.enumerated().reversed() {
            try client.sendAll("client \(number)")
            try client.shutdown(.write)
            #expect(try client.receiveToEnd() == "client \(number)")
        }
    }
}
