import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ServiceSocketsTests {
    @Test("port 0 selects the same port for TCP and UDP")
    func samePort() throws {
        let sockets = try ServiceSockets.open(host: nil, port: 0, family: nil)
        let ports = Set(
            sockets.flatMap { [$0.listener.localAddress.port, $0.datagrams?.localAddress.port] })
        #expect(ports.count == 1)
        #expect(ports.first != 0)
    }

    @Test("TLS opens no UDP socket")
    func tls() throws {
        let sockets = try ServiceSockets.open(host: nil, port: 0, family: nil, usesTLS: true)
        #expect(!sockets.isEmpty)
        #expect(sockets.allSatisfy { $0.datagrams == nil })
    }

    @Test("sockets without a host are bound to the loopback address of the given family")
    func loopback() throws {
        let all = try ServiceSockets.open(host: nil, port: 0, family: nil)
        #expect(all.allSatisfy { $0.listener.localAddress.ip?.isLoopback == true })
        let four = try ServiceSockets.open(host: nil, port: 0, family: .ipv4)
        #expect(four.map { $0.listener.localAddress.ip } == [.v4(.loopback)])
    }

    @Test("a multicast group is a usage error that names the host")
    func group() {
        let error = #expect(throws: UsageError.self) {
            try ServiceSockets.open(host: "239.1.1.1", port: 0, family: nil)
        }
        #expect(error?.message.hasPrefix("239.1.1.1 is a multicast group") == true)
    }

    @Test("opening a used port throws EADDRINUSE")
    func usedPort() throws {
        let first = try ServiceSockets.open(host: "127.0.0.1", port: 0, family: nil)
        let port = Port(first[0].listener.localAddress.port ?? 0)
        let error = #expect(throws: SocketError.self) {
            try ServiceSockets.open(host: "127.0.0.1", port: port, family: nil)
        }
        #expect(error?.errno == .addressInUse)
    }
}
