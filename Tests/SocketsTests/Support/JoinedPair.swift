import SystemPackage
import Testing

@testable import Sockets

/// A join between two connections, which one half of the library runs, and the peers of these
/// connections.
///
///     client  <->  front  = join =  back  <->  server
final class JoinedPair: Sendable {
    enum Half: CaseIterable {
        case blocking, tasks
    }

    typealias Counts = (forwarded: Int, returned: Int)

    let client: Socket
    let server: Socket
    // The sockets stay open until the end of the test, because closing them could reset the peers.
    private let sockets: [Socket]
    private let connections: [Connection]
    private let end: @Sendable () async throws -> Counts

    /// Connects the sockets, calls `prepare` with the client and the server, and starts the join.
    init(
        _ half: Half, overTCP: Bool = true, idleTimeout: TimeLimit = .never,
        prepare: (_ client: Socket, _ server: Socket) throws -> Void = { _, _ in }
    ) throws {
        let (client, front) = try Loopback.streamPair(overTCP: overTCP)
        let (back, server) = try Loopback.streamPair(overTCP: overTCP)
        (self.client, self.server) = (client, server)
        try prepare(client, server)
        switch half {
        case .blocking:
            (sockets, connections) = ([front, back], [])
            let join = Background {
                try SocketStream(front).join(SocketStream(back), idleTimeout: idleTimeout)
            }
            end = { try await join.result() }
        case .tasks:
            let front = try Connection(adopting: front)
            let back = try Connection(adopting: back)
            (sockets, connections) = ([], [front, back])
            let join = Task { try await front.join(back, idleTimeout: idleTimeout) }
            end = { try await join.value }
        }
    }

    deinit {
        for socket in sockets { socket.close() }
        for connection in connections { connection.close() }
    }

    /// Waits until the join succeeds.
    func counts() async throws -> Counts { try await end() }

    /// Waits until the join fails.
    func failure() async throws -> SocketError {
        try #require(await #expect(throws: SocketError.self) { try await end() })
    }
}

extension Socket {
    /// Receives until the end of the stream or an error, and returns the bytes and the error.
    func drain() -> (bytes: [UInt8], error: Errno?) {
        var bytes: [UInt8] = []
        do throws(SocketError) {
            while try receive(appendingTo: &bytes, timeout: .seconds(10)) > 0 {}
            return (bytes, nil)
        } catch {
            return (bytes, error.errno ?? .timedOut)
        }
    }
}
