internal import Synchronization
internal import SystemPackage

/// The file that binding a Unix socket to a path creates.
///
/// Only its owner may remove it.
///
/// It is removed with the last reference, or earlier by `remove`, unless `keep` was called.
final class UnixSocketFile: Sendable {
    private let path: [UInt8]
    private let identity: FileIdentity
    private let isOwned = Atomic<Bool>(true)

    /// Remembers the file of a socket that has just been bound; `nil` for abstract names.
    convenience init?(boundTo address: SocketAddress) {
        guard case .unix(let unix) = address, unix.kind == .path,
            let identity = try? System.lstat(unix.bytes)
        else { return nil }
        self.init(unix.bytes, identity)
    }

    private init(_ path: [UInt8], _ identity: FileIdentity) {
        self.path = path
        self.identity = identity
    }

    deinit { remove() }

    /// Removes the file, unless another one has taken its place.
    ///
    /// The second call does nothing, because the path may then belong to another socket.
    func remove() {
        if isOwned.exchange(false, ordering: .acquiringAndReleasing) { unlink() }
    }

    /// Leaves the file to the calling code.
    func keep() {
        isOwned.store(false, ordering: .releasing)
    }

    /// Removes a socket file on which no program listens any more.
    ///
    /// Returns `false` if the path is something else, or if a program does listen.
    static func removeStale(_ address: SocketAddress, type: SocketType) -> Bool {
        guard let file = UnixSocketFile(boundTo: address) else { return false }
        file.keep()
        guard file.identity.isSocket, isStale(address, type) else { return false }
        file.unlink()
        return true
    }

    private func unlink() {
        guard (try? System.lstat(path)) == identity else { return }
        try? System.unlink(path)
    }

    /// Connects with the wrong type of socket.
    ///
    /// A running server refuses that by `EPROTOTYPE` without seeing a client that disconnects at
    /// once.
    private static func isStale(_ address: SocketAddress, _ type: SocketType) -> Bool {
        do throws(SocketError) {
            let probe = try OwnedSocket(.unix, type == .datagram ? .stream : .datagram)
            let raw = try address.raw(for: .unix, .connect)
            try probe.call(.connect) { descriptor throws(Errno) in
                try System.setBlocking(descriptor, false)
                try System.connect(descriptor, raw)
            }
            return false
        } catch {
            return error.errno == .connectionRefused
        }
    }
}
