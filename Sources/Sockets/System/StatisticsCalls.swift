internal import CSockets
internal import Glibc
internal import SystemPackage

/// A queue that the kernel keeps for a socket.
enum SocketQueue {
    /// The bytes that were received but not read: `SIOCINQ`.
    case receiveQueue
    /// The bytes that were written but not acknowledged, or not read by a Unix peer: `SIOCOUTQ`.
    case sendQueue
    /// The bytes that were written but not sent, for TCP only: `SIOCOUTQNSD`.
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

// Calls that read a socket's statistics for a diagnosis and do not change the socket. A result is
// nil if the kernel does not report it for this type of socket, or if the call fails.
extension System {
    /// Returns the bytes of `TCP_INFO`, or `nil` for sockets other than TCP: getsockopt(2).
    ///
    /// Newer kernels return more bytes.
    static func tcpInfo(_ descriptor: Int32) -> [UInt8]? {
        // The capacity exceeds the 280 bytes of today's kernels, and a kernel writes only the bytes
        // that it has.
        let key = OptionKey(level: Int32(IPPROTO_TCP), name: TCP_INFO)
        return try? option(descriptor, key, capacity: 512)
    }

    /// Returns the number of bytes in a queue: ioctl(2).
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

    /// Returns the limit of a buffer, which includes the kernel's overhead: getsockopt(2) with
    /// `SO_SNDBUF` or `SO_RCVBUF`.
    static func bufferLimit(_ descriptor: Int32, _ key: OptionKey) -> Int? {
        (try? option(descriptor, key, fromUser: true)).map { Int($0) }
    }

    /// Returns the current state of a socket: poll(2) without waiting.
    static func condition(_ descriptor: Int32) -> SocketCondition? {
        try? poll(descriptor)
    }

    /// Returns whether the peer has half-closed or closed the connection, or the connection has
    /// broken: poll(2) without waiting.
    static func hasHungUp(_ descriptor: Int32) throws(Errno) -> Bool {
        try !poll(descriptor).isDisjoint(with: [.peerHasEnded, .hungUp, .broken])
    }

    private static func poll(_ descriptor: Int32) throws(Errno) -> SocketCondition {
        var entry = pollfd(
            fd: descriptor, events: Int16(POLLOUT) | csockets_peer_has_ended, revents: 0)
        _ = try systemCall(.poll) { Glibc.poll(&entry, 1, 0) }
        return SocketCondition(rawValue: entry.revents)
    }

    /// Returns the error that broke the connection, or `nil` if the connection is not broken:
    /// poll(2), getsockopt(2) with `SO_ERROR`.
    ///
    /// The call clears the error, so the caller must note it. A hang-up of a Unix socket without an
    /// error means only that the peer has closed the connection, as a FIN does on TCP.
    static func takeBreakage(of descriptor: Int32, _ family: AddressFamily) -> Errno? {
        guard let condition = condition(descriptor),
            !condition.isDisjoint(with: [.broken, .hungUp])
        else { return nil }
        let error = try? takeError(descriptor)
        // Another call may have taken the error of a TCP connection already.
        return error ?? (condition.contains(.hungUp) && family != .unix ? .brokenPipe : nil)
    }
}
