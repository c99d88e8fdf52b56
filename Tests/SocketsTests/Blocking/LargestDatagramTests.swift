import Testing

@testable import Sockets

/// The largest datagram of each family arrives whole in every way of receiving.
@Suite("Largest datagrams", .ownThread)
struct LargestDatagramTests {
    static let cases: [(Endpoint, Int)] = [
        (.udp("127.0.0.1", port: 0), 65_507), (.udp("::1", port: 0), 65_527),
        (.unixDatagram("@" + Loopback.unixPath()), 200_000),
    ]

    private func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    }

    @Test("blocking calls receive the largest datagrams whole", arguments: cases)
    func blocking(endpoint: Endpoint, count: Int) throws {
        let server = try Socket(on: endpoint)
        let client = try Socket(to: server.localAddress, type: .datagram)
        let sent = bytes(count)
        let limit = TimeLimit.seconds(5)
        try client.send(sent)
        #expect(try server.peek(timeout: limit) == sent)
        #expect(try server.receive(timeout: limit) == sent)
        try client.send(sent)
        var received: [UInt8] = []
        #expect(try server.receive(appendingTo: &received, timeout: limit) == count)
        #expect(received == sent)
        try client.send(sent)
        let datagram = try server.receiveFrom(timeout: limit)
        #expect(datagram.bytes == sent)
        #expect(!datagram.isTruncated)
    }

    @Test("tasks receive the largest datagrams whole", arguments: cases)
    func tasks(endpoint: Endpoint, count: Int) async throws {
        let server = try await DatagramChannel(on: endpoint)
        let client = try Socket(to: server.localAddress, type: .datagram)
        let sent = bytes(count)
        try client.send(sent)
        let datagram = try await server.receive(timeout: .seconds(5))
        #expect(datagram.bytes == sent)
        #expect(!datagram.isTruncated)
        try client.send(sent)
        let isWhole = try await server.withReceived(timeout: .seconds(5)) { bytes, header in
            !header.isTruncated && bytes.withUnsafeBytes { Array($0) == sent }
        }
        #expect(isWhole)
        try client.send(sent)
        for try await datagram in server {
            #expect(datagram.bytes == sent)
            break
        }
    }
}
