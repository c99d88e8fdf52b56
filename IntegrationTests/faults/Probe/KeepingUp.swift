import Foundation
import Sockets

/// Transfers with peers who are always ready, so that no call ever waits: only a look at the clock
/// between its steps can end one.
///
/// Tells for each how many seconds it was late; early ones are negative.
struct KeepingUp {
    private static let limit = Duration.milliseconds(20)
    private static let timeout = TimeLimit(limit)
    /// What takes several times the limit.
    private static let plenty = [UInt8](repeating: 46, count: 256 << 20)
    /// More of the same, without the memory.
    private static let parts = [[UInt8]](repeating: plenty, count: 4)

    private let count: Int

    init(count: Int) {
        self.count = count
        // To make them is not part of the first transfer.
        _ = Self.parts.count
    }

    func blocking() async throws {
        for number in 0..<count {
            let (here, there) = try pair()
            Self.keepUp(there)
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
            Self.keepUp(there)
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

    /// A peer who takes all that comes, and sends as fast as it is taken.
    private static func keepUp(_ peer: Socket) {
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
            say("wrong: all went in \(start.duration(to: .now))")
        } catch {
            tell(start, limit, error)
        }
    }
}

/// How late a limit ended what began at a moment.
func tell(_ start: ContinuousClock.Instant, _ limit: Duration, _ error: SocketError) {
    let late = start.duration(to: .now) - limit
    guard case .timedOut = error.cause else { return say("wrong \(error)") }
    say("late \(late / .seconds(1))")
}
