import Testing

@testable import Sockets

@Suite("AsyncConnector", .ownThread)
struct DialerTests {
    private func dialer(_ limit: TimeLimit) -> AsyncConnector {
        AsyncConnector(on: LoopGroup.shared.next(), Deadline(startingNow: limit))
    }

    @Test("of several addresses the first one that answers is connected, without waiting")
    func connects() async throws {
        let (holder, dead) = try Loopback.refusingPort()
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let addresses = [dead, listener.localAddress]
        let socket = try await dialer(.seconds(10)).connect(toOneOf: addresses, ConnectOptions())
        #expect(socket.remoteAddress == listener.localAddress)
        #expect(try socket.option(.noDelay))
        withExtendedLifetime(holder) {}
    }

    @Test("addresses that all refuse are an error that tells of each")
    func refused() async throws {
        let (holder, dead) = try Loopback.refusingPort()
        let error = await #expect(throws: SocketError.self) {
            try await dialer(.seconds(10)).connect(toOneOf: [dead, dead], ConnectOptions())
        }
        #expect(
            error?.attempts.map(\.cause) == [
                .system(.connectionRefused), .system(.connectionRefused),
            ])
        withExtendedLifetime(holder) {}
    }
}
