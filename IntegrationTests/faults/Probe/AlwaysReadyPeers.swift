import Foundation
import Sockets

/// Transfers with peers that are always ready.
///
/// No call waits, so only a check of the clock between two steps can end a transfer. For each transfer,
/// it prints how many seconds late the limit ended it. Early ends are negative.
struct AlwaysReadyPeers {
    private static let limit = Duration.milliseconds(20)
    private static let timeout = TimeLimit(limit)
    /// Bytes whose transfer takes several times as long as the limit.
    private static let plenty = [UInt8](repeating: 46, count: 256 << 20)
    /// Four times as many bytes, without using more memory.
    private static let parts = [[UInt8]](repeating: plenty, count: 4)

    private let count: Int

    init(count: Int) {
        self.count = count
        // Creates the bytes before the first transfer.
        _ = Self.parts.count
    }

    func blocking() async throws {
        for number in 0..<count {
            let (here, there) = try pair()
            Self.transferAll(there)
            let stream = SocketStream(here)
            await Self.time { () throws(SocketError) in
                switch number % 5 {
                case 0: try here.sendAll(Self.plenty, timeout: Self.timeout)
                case 1: try here.sendAll(parts: Self.parts, timeout: Self.timeout)
                case 2: _ = try stream.readToEnd(limit: .max, timeout: Self.timeout)
                case 3: _ = try stream.readExactly(1 << 40, timeout: Self.timeout)
                default:
                    _ = try here.exchange(
                        Self.plenty, reading: .toEnd(limit: .max), timeout: Self.timeout)
                }
            }
            here.close()
        }
    }

    func tasks() async throws {
        for number in 0..<count {
            let (socket, there) = try pair()
            let here = try Connection(adopting: socket)
            Self.transferAll(there)
            await Self.time { () async throws(SocketError) in
                switch number % 5 {
                case 0: try await here.write(Self.plenty, timeout: Self.timeout)
                case 1: try await here.write(parts: Self.parts, timeout: Self.timeout)
                case 2: _ = try await here.readToEnd(limit: .max, timeout: Self.timeout)
                case 3: _ = try await here.readExactly(1 << 40, timeout: Self.timeout)
                default:
                    _ = try await here.exchange(
                        Self.plenty, reading: .toEnd(limit: .max), timeout: Self.timeout)
                }
            }
            here.close()
        }
    }

    /// Receives everything and sends as fast as possible.
    private static func transferAll(_ peer: Socket) {
        Thread.detachNewThread {
            while (try? peer.receive(atMost: 1 << 18))?.isEmpty == false {}
            peer.close()
        }
        Thread.detachNewThread {
            let block = [UInt8](repeating: 46, count: 1 << 18)
            while (try? peer.send(block)) != nil {}
        }
    }

    private func pair() throws -> (Socket, Socket) {
        let listener = try Socket(on: .ipv4(.loopback, port: 0))
        let client = try Socket(to: listener.localAddress)
        return (client, try listener.accept())
    }

    private static func time(
        _ transfer: () async throws(SocketError) -> Void
    ) async {
        let start = ContinuousClock.now
        do throws(SocketError) {
            try await transfer()
            say("wrong: everything was sent in \(start.duration(to: .now))")
        } catch {
            report(start, limit, error)
        }
    }
}

/// Prints how late a limit ended an operation.
func report(_ start: ContinuousClock.Instant, _ limit: Duration, _ error: SocketError) {
    let late = start.duration(to: .now) - limit
    guard case .timedOut = error.cause else { return say("wrong \(error)") }
    say("late \(late / .seconds(1))")
}
