import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct TourStageTests {
    @Test("both servers answer on loopback, until the stage is closed")
    func opens() throws {
        let stage = try TourStage.open()
        let clock = try Socket(to: .tcp("127.0.0.1", port: Port(stage.daytime)))
        #expect(try clock.receiveToEnd().count == 26)
        let echo = try Socket(to: .udp("127.0.0.1", port: Port(stage.echo)))
        try echo.send("x")
        #expect(try echo.receive(timeout: .seconds(5)) == [120])
        stage.close()
        try waitForRefusal(of: Port(stage.daytime))
    }
}
