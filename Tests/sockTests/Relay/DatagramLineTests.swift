import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct DatagramLineTests {
    private func line(_ addresses: SocketAddress...) throws -> DatagramLine {
        try DatagramLine(addresses) { try Socket(to: $0, type: .datagram) }
    }

    private func closedAddress() throws -> SocketAddress {
        let (socket, _) = try Peer.silentPort(.datagram)
        defer { socket.close() }
        let address = socket.localAddress
        // Whoever is connected elsewhere is nobody to others. Closing alone would not do while another
        // test starts a program, which holds our descriptors until its exec.
        try socket.connect(to: .ipv4(.loopback, port: 9))
        return address
    }

    @Test("when nobody is at the first address, the next gets all that was sent")
    func movesOn() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let line = try line(closedAddress(), server.localAddress)
        try line.send([1])
        try line.send([2])
        Worker.start {
            for _ in 1...2 {
                guard let datagram = try? server.receiveFrom(timeout: .seconds(10)) else { return }
                _ = try? server.send(datagram.bytes, to: datagram.sender)
            }
        }
        var buffer = [UInt8](repeating: 0, count: 10)
        #expect(try line.receive(into: &buffer, timeout: .seconds(10)) == 1)
        #expect(buffer[0] == 1)
        #expect(try line.receive(into: &buffer, timeout: .seconds(10)) == 1)
        #expect(buffer[0] == 2)
        #expect(line.socket.remoteAddress == server.localAddress)
    }

    @Test("a refusal by the last address is an error")
    func refused() throws {
        let line = try line(closedAddress(), closedAddress())
        try line.send([1])
        var buffer = [UInt8](repeating: 0, count: 10)
        let error = #expect(throws: SocketError.self) {
            try line.receive(into: &buffer, timeout: .seconds(10))
        }
        #expect(error?.errno == .connectionRefused)
    }

    @Test("hanging up wakes whoever receives")
    func hangUp() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let line = try line(server.localAddress)
        Worker.start {
            Worker.sleep(for: .milliseconds(20))
            line.hangUp()
        }
        var buffer = [UInt8](repeating: 0, count: 10)
        let error = #expect(throws: SocketError.self) {
            try line.receive(into: &buffer, timeout: .seconds(10))
        }
        #expect(error?.cause == .closed)
    }

    @Test("no address is an error")
    func none() {
        #expect(throws: SocketError.self) { try line() }
    }
}
