@testable import Sockets

/// What the peer of a connection that finishes does, on a thread of its own.
enum FinishingPeer {
    /// The bytes that a flooding peer sends before the other end closes: what `finish` discards, and
    /// what the kernel's buffers hold besides.
    static let floodedBytes = 16 << 20...64 << 20

    /// Sends much more than the other end reads, receives the answer to its end, and closes.
    ///
    /// The value is the answer.
    static func asking(_ peer: Socket) -> Background<[UInt8]> {
        Background {
            try peer.sendAll(pattern(1_000_000))
            return try receivingToEnd(peer)
        }
    }

    /// Receives to the end of the stream, closes, and returns the received bytes.
    static func receivingToEnd(_ peer: Socket) throws -> [UInt8] {
        var received: [UInt8] = []
        while try peer.receive(appendingTo: &received) > 0 {}
        peer.close()
        return received
    }

    /// Sends until the connection breaks.
    ///
    /// The value is the number of sent bytes.
    static func flooding(_ peer: Socket) -> Background<Int> {
        Background {
            var sent = 0
            do throws(SocketError) {
                while true { sent += try peer.send([UInt8](repeating: 1, count: 65536)) }
            } catch {
                return sent
            }
        }
    }
}
