@testable import Sockets

/// What the peer of an exchange does, on a thread of its own.
enum ReplyingPeer {
    /// Receives one byte, sends `reply`, and resets the connection.
    static func resetting(_ peer: Socket, after reply: String) -> Background<Void> {
        Background {
            _ = try peer.receive(atMost: 1)
            try peer.sendAll(reply)
            try peer.setOption(.linger, to: .zero)
            peer.close()
        }
    }

    /// Sends `reply`, and closes when the first byte of the request has come.
    ///
    /// The close with unread bytes resets the connection.
    static func closingEarly(_ peer: Socket, after reply: String) -> Background<Void> {
        Background {
            try peer.sendAll(reply)
            _ = try peer.receive(atMost: 1)
            peer.close()
        }
    }
}
