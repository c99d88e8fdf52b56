internal import CSockets
internal import Glibc
internal import SystemPackage

/// One of the queues that the kernel keeps for a socket.
enum SocketQueue {
    /// Received and not read: `SIOCINQ`.
    case receiveQueue
    /// Written and not acknowledged, or by a Unix peer not read: `SIOCOUTQ`.
    case sendQueue
    /// Written and not sent: `SIOCOUTQNSD`, of TCP only.
    case notSent

    fileprivate var request: UInt {
        switch self {
        case .receiveQueue: csockets_unread
        case .sendQueue: csockets_queued
        case .notSent: csockets_unsent
        }
    }
}

/// What poll(2) says of a socket without waiting. Looking takes nothing away, not even an error.
struct SocketCondition: OptionSet {
    let rawValue: Int16

    static let writable = SocketCondition(rawValue: Int16(POLLOUT))
    /// The peer has ended its half: `POLLRDHUP`.
    static let peerHasEnded = SocketCondition(rawValue: csockets_peer_has_ended)
    /// Both halves have ended: `POLLHUP`.
    static let hungUp = SocketCondition(rawValue: Int16(POLLHUP))
    /// The connection broke: `POLLERR`.
    static let broken = SocketCondition(rawValue: Int16(POLLERR))
}

// What the kernel tells of a socket to those who only look. A figure that it does not give for a
// socket of this kind is nil, and so is one of a call that fails: looking must break nothing.
extension System {
    /// getsockopt(2) with `TCP_INFO`: as many bytes as this kernel knows, which grew over the years;
    /// nil for sockets other than TCP.
    static func tcpInfo(_ descriptor: Int32) -> [UInt8]? {
        // The kernel writes no more than it has, and today that is 280 bytes.
        let key = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_INFO)
        return try? option(descriptor, key, capacity: 512)
    }

    /// ioctl(2): how many bytes stand in a queue.
    static func queueLength(_ descriptor: Int32, _ queue: SocketQueue) -> Int? {
        var bytes: Int32 = 0
        do throws(Errno) {
            _ = try systemCall(.ioctl, ours: false) {
                csockets_queue(descriptor, queue.request, &bytes)
            }
        } catch {
            return nil
        }
        return bytes < 0 ? nil : Int(bytes)
    }

    /// getsockopt(2) with `SO_SNDBUF` or `SO_RCVBUF`: a buffer's limit, as the kernel counts it.
    static func bufferLimit(_ descriptor: Int32, _ key: OptionKey) -> Int? {
        (try? option(descriptor, key, ours: false)).map { Int($0) }
    }

    /// poll(2) with no time to wait.
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
