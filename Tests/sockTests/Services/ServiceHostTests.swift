import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ServiceHostTests {
    @Test("callers and datagrams are served at once, and stopping lets nobody in any more")
    func serves() throws {
        let sockets = try ServiceSockets.open(host: "127.0.0.1", port: 0, family: nil)
        let host = ServiceHost(.echo, sockets, isVerbose: false)
        let isOver = Monitor(false)
        Worker.start {
            try? host.run(threads: 2)
            isOver.update { $0 = true }
        }
        let port = Port(sockets[0].listener.localAddress.port ?? 0)

        let first = try Socket.connected(to: .tcp("127.0.0.1", port: port))
        let second = try Socket.connected(to: .tcp("127.0.0.1", port: port))
        try second.sendAll("two")
        #expect(try second.receive(timeout: .seconds(5)) == Array("two".utf8))
        try first.sendAll("one")
        #expect(try first.receive(timeout: .seconds(5)) == Array("one".utf8))
        let datagram = try Socket.connected(to: .udp("127.0.0.1", port: port))
        try datagram.send("three")
        #expect(try datagram.receive(timeout: .seconds(5)) == Array("three".utf8))

        first.close()
        second.close()
        host.stop()
        #expect(isOver.wait(atMost: .seconds(10)) { $0 })
        #expect(throws: SocketError.self) {
            try Socket.connected(to: .tcp("127.0.0.1", port: port))
        }
    }
}
