import Testing

@testable import Sockets

@Suite("Dialer", .ownThread)
struct DialerTests {
    /// A question that nobody answers before it is told to.
    private final class SilentServer: Sendable {
        private let pair: (asked: Socket, told: Socket)
        init() throws { pair = try Socket.pair() }
        func ask() throws(SocketError) -> [SocketAddress] {
            _ = try pair.asked.receive(atMost: 1)
            return []
        }
        func answer() { try? pair.told.sendAll("x") }
    }

    private func dialer(_ limit: TimeLimit) -> Dialer {
        Dialer(on: EventLoopGroup.shared.next(), Deadline(limit))
    }

    @Test("a question that nobody answers is left to itself at the deadline")
    func deadline() async throws {
        let server = try SilentServer()
        defer { server.answer() }
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await dialer(.milliseconds(50)).answer { () throws(SocketError) in
                try server.ask()
            }
        }
        #expect(error?.cause == .timedOut(limit: .milliseconds(50)))
        #expect(start.duration(to: .now) < .seconds(2))
    }

    @Test("a question that nobody answers is left to itself when the task is cancelled")
    func cancelled() async throws {
        let server = try SilentServer()
        defer { server.answer() }
        let task = Task {
            try await dialer(.never).answer { () throws(SocketError) in try server.ask() }
        }
        task.cancel()
        let result = await task.result
        guard case .failure(let error as SocketError) = result else {
            Issue.record("expected an error")
            return
        }
        #expect(error.cause == .cancelled)
    }

    @Test("an answer ends the wait")
    func answered() async throws {
        let server = try SilentServer()
        let task = Task {
            try await dialer(.never).answer { () throws(SocketError) in try server.ask() }
        }
        server.answer()
        #expect(try await task.value.isEmpty)
    }

    @Test("what cannot be resolved is an error of the resolver")
    func refused() async throws {
        let error = await #expect(throws: SocketError.self) {
            try await dialer(.seconds(10)).resolve(.tcp("127.0.0.1", port: 80), .ipv6)
        }
        #expect(error?.operation == .resolve)
    }
}
