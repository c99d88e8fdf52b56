internal import CSockets
internal import Glibc
internal import SystemPackage

/// The readiness of a descriptor for reading or writing, as poll(2) and epoll(7) report it.
///
/// ``wait(for:_:timeout:group:)`` waits for the descriptor of another library:
///
/// ```swift
/// let ready = try await Readiness.wait(for: descriptor, [.readable, .writable])
/// ```
public struct Readiness: OptionSet, Hashable, Sendable {
    /// The bits of the set.
    public let rawValue: UInt8

    /// Creates a set from its bits.
    ///
    /// - Parameter rawValue: The bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// A read does not wait: the descriptor has bytes, a connection to accept, an end of stream or
    /// an error (`POLLIN`).
    public static let readable = Readiness(rawValue: 1)
    /// A write does not wait, or a connect has ended (`POLLOUT`).
    public static let writable = Readiness(rawValue: 2)
    /// The peer has half-closed or closed, or the descriptor has failed (`POLLRDHUP`, `POLLHUP`,
    /// `POLLERR`).
    ///
    /// The next read or write reports which. On a socket of this library, urgent data sets this
    /// value too, because a read stops before the urgent byte although more bytes are available.
    public static let ending = Readiness(rawValue: 4)
}

extension System {
    /// Returns for what a user's descriptor is ready now, without waiting: poll(2).
    ///
    /// The result contains only `ending` and the values of `interest`.
    ///
    /// - Throws: `EBADF` if the descriptor is not open.
    static func readiness(
        of descriptor: Int32, _ interest: Readiness
    ) throws(Errno) -> Readiness {
        var entry = pollfd(fd: descriptor, events: csockets_peer_has_ended, revents: 0)
        if interest.contains(.readable) { entry.events |= Int16(POLLIN) }
        if interest.contains(.writable) { entry.events |= Int16(POLLOUT) }
        _ = try systemCall(.poll) { Glibc.poll(&entry, 1, 0) }
        let found = { (events: Int16) in entry.revents & events != 0 }
        if found(Int16(POLLNVAL)) { throw .badFileDescriptor }
        var readiness: Readiness = []
        if found(Int16(POLLIN)) { readiness.insert(.readable) }
        if found(Int16(POLLOUT)) { readiness.insert(.writable) }
        if found(csockets_peer_has_ended | Int16(POLLHUP) | Int16(POLLERR)) {
            readiness.insert(.ending)
        }
        return readiness
    }
}
