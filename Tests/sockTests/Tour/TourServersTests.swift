import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct TourServersTests {
    @Test("the daytime and echo servers reply on loopback until they are stopped")
    func serves() throws {
        let servers = try TourServers.start()
        let clock = try Socket(to: .tcp("127.0.0.1", port: Port(servers.daytime)))
        #expect(try clock.receiveToEnd().count == 26)
        let echo = try Socket(to: .udp("127.0.0.1", port: Port(servers.echo)))
        try echo.send("x")
        #expect(try echo.receive(timeout: .seconds(5)) == [120])
        servers.stop()
        try waitForRefusal(of: Port(servers.daytime))
    }
}
