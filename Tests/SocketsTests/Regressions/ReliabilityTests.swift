import Testing

@testable import Sockets

@Suite("Regressions found by the reliability checks", .timeLimit(.minutes(5)))
struct ReliabilityTests {
    /// Receives from a channel that always has a datagram, cancels the task, and returns its error.
    private func causeAfterCancellation(
        on executor: (any TaskExecutor)?
    ) async throws -> SocketError.Cause? {
        let channel = try DatagramChannelTests.onLoopback()
        let (hasBegun, begun) = AsyncStream.makeStream(of: Void.self)
        let task = Task(executorPreference: executor) { () -> SocketError.Cause? in
            do throws(SocketError) {
                try await channel.send("x", to: channel.localAddress)
                while true {
                    let datagram = try await channel.receive()
                    try await channel.send(datagram.bytes, to: channel.localAddress)
                    begun.yield()
                }
            } catch {
                return error.cause
            }
        }
        for await _ in hasBegun { break }
        task.cancel()
        return await task.value
    }

    @Test("cancellation ends a task that always has a datagram to receive")
    func cancellation() async throws {
        let loop = LoopGroup.shared.loops[0]
        #expect(try await causeAfterCancellation(on: loop) == .cancelled)
        #expect(try await causeAfterCancellation(on: nil) == .cancelled)
    }

    @Test("a datagram that arrived before its socket was adopted has the correct local address")
    func earlyDatagram() async throws {
        for family in [AddressFamily.ipv4, nil] {
            let socket = try Socket(on: .udp(port: 0), options: .init(family: family))
            let port = try #require(socket.localAddress.port)
            let place = SocketAddress.ipv4(IPv4Address(127, 0, 0, 2), port: port)
            try Socket(.ipv4, .datagram).send("early", to: place)
            let channel = try DatagramChannel(adopting: socket)
            #expect(try await channel.receive().localAddress == place)
        }
    }
}
