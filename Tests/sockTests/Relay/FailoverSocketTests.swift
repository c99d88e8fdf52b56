import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct FailoverSocketTests {
    private func socket(_ addresses: SocketAddress...) throws -> FailoverSocket {
        try FailoverSocket(addresses) { try Socket(to: $0, type: .datagram) }
    }

    private func closedAddress() throws -> SocketAddress {
        let (bound, _) = try Peer.boundPort(.datagram)
        defer { bound.close() }
        let address = bound.localAddress
        // A connected UDP socket refuses datagrams of other senders. Closing would not be enough,
        // because a program that another test starts holds our descriptors until its exec.
        try bound.connect(to: .ipv4(.loopback, port: 9))
        return address
    }

    @Test("after a refusal, the next address receives all earlier datagrams")
    func failover() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let socket = try socket(closedAddress(), server.localAddress)
        try socket.send([1])
        try socket.send([2])
        Worker.start {
            for _ in 1...2 {
                guard let datagram = try? server.receiveFrom(timeout: .seconds(10)) else { return }
                _ = try? server.send(datagram.bytes, to: datagram.sender)
            }
        }
        var buffer = [UInt8](repeating: 0, count: 10)
        #expect(try socket.receive(into: &buffer, timeout: .seconds(10)) == 1)
        #expect(buffer[0] == 1)
        #expect(try socket.receive(into: &buffer, timeout: .seconds(10)) == 1)
        #expect(buffer[0] == 2)
        #expect(socket.current.remoteAddress == server.localAddress)
    }

    @Test("a refusal by the last address throws `connectionRefused`")
    func refused() throws {
        let socket = try socket(closedAddress(), closedAddress())
        try socket.send([1])
        var buffer = [UInt8](repeating: 0, count: 10)
        let error = #expect(throws: SocketError.self) {
            try socket.receive(into: &buffer, timeout: .seconds(10))
        }
        #expect(error?.errno == .connectionRefused)
        #expect(error?.attempts.count == 2)
    }

    @Test("checkDelivery sends to the next address after a refusal, and throws after the last")
    func checkDelivery() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let socket = try socket(closedAddress(), server.localAddress)
        try socket.send([1])
        try socket.checkDelivery()
        #expect(try server.receiveFrom(timeout: .seconds(10)).bytes == [1])
        let closed = try self.socket(closedAddress(), closedAddress())
        try closed.send([1])
        let error = #expect(throws: SocketError.self) { try closed.checkDelivery() }
        #expect(error?.attempts.count == 2)
    }

    @Test("close wakes a receiving thread, and receive throws `closed`")
    func close() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let socket = try socket(server.localAddress)
        let thread = currentThread()
        Worker.start {
            waitUntilBlocked(thread)
            socket.close()
        }
        var buffer = [UInt8](repeating: 0, count: 10)
        let error = #expect(throws: SocketError.self) {
            try socket.receive(into: &buffer, timeout: .seconds(10))
        }
        #expect(error?.cause == .closed)
    }

    @Test("creating a FailoverSocket without addresses throws")
    func none() {
        #expect(throws: SocketError.self) { try socket() }
    }
}
