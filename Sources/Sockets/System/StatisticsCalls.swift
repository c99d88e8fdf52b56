internal import CSockets
internal import Glibc
internal import SystemPackage

/// A queue that the kernel keeps for a socket.
enum SocketQueue {
    /// Received and not read: `SIOCINQ`.
    case receiveQueue
    /// Written and not acknowledged, or not read by a Unix peer: `SIOCOUTQ`.
    case sendQueue
    /// Written and not sent, for TCP only: `SIOCOUTQNSD`.
    case notSent

    fileprivate var request: UInt {
        switch self {
        case .receiveQueue: csockets_unread
        case .sendQueue: csockets_queued
        case .notSent: csockets_unsent
        }
    }
}

/// The state of a socket that poll(2) reports without waiting and without clearing an error.
struct SocketCondition: OptionSet {
    let rawValue: Int16

    static let writable = SocketCondition(rawValue: Int16(POLLOUT))
    /// The peer has shut down its sending direction: `POLLRDHUP`.
    static let peerHasEnded = SocketCondition(rawValue: csockets_peer_has_ended)
    /// Both directions have ended: `POLLHUP`.
    static let hungUp = SocketCondition(rawValue: Int16(POLLHUP))
    /// The connection has failed: `POLLERR`.
    static let broken = SocketCondition(rawValue: Int16(POLLERR))
}

// Figures about a socket for diagnosis, which must not change the socket. A figure is nil if the
// kernel does not have it for this type of socket, or if the call fails.
extension System {
    /// getsockopt(2) with `TCP_INFO`: as many bytes as this kernel knows, which have become more
    /// over the years; `nil` for sockets other than TCP.
    static func tcpInfo(_ descriptor: Int32) -> [UInt8]? {
        // The kernel writes only the bytes that it has, 280 today.
        let key = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_INFO)
        return try? option(descriptor, key, capacity: 512)
    }

    /// ioctl(2): the number of bytes in a queue.
    static func queueLength(_ descriptor: Int32, _ queue: SocketQueue) -> Int? {
        var bytes: Int32 = 0
        do throws(Errno) {
            _ = try systemCall(.ioctl, fromUser: true) {
                csockets_queue(descriptor, queue.request, &bytes)
            }
        } catch {
            return nil
        }
        return bytes < 0 ? nil : Int(bytes)
    }

    /// getsockopt(2) with `SO_SNDBUF` or `SO_RCVBUF`: the limit of a buffer, as the kernel counts
    /// it.
    static func bufferLimit(_ descriptor: Int32, _ key: OptionKey) -> Int? {
        (try? option(descriptor, key, fromUser: true)).map { Int($0) }
    }

    /// poll(2) without waiting.
    static func condition(_ descriptor: Int32) -> SocketCondition? {
        var entry = pollfd(
            fd: descriptor, events: Int16(POLLOUT) | csockets_peer_has_ended, revents: 0)
        do throws(Errno) {
            _ = try systemCall(.poll) { Glibc.poll(&entry, 1, 0) }
        } catch {
            return nil
        }
        return SocketCondition(rawValue: entry.revents)
    }
}
