internal import Synchronization
internal import SystemPackage

/// The file that bind(2) creates for a Unix socket with a path.
///
/// Only the socket that created the file may remove it.
///
/// The file is removed when the last reference to this object is released, or earlier by `remove`,
/// unless `keep` was called.
final class UnixSocketFile: Sendable {
    private let path: [UInt8]
    private let identity: FileIdentity
    private let isOwned = Atomic<Bool>(true)

    /// Records the file of a newly bound socket, or returns `nil` for an abstract name.
    convenience init?(boundTo address: SocketAddress) {
        guard case .unix(let unix) = address, unix.kind == .path,
            let identity = try? System.lstat(unix.bytes)
        else { return nil }
        self.init(Self.absolute(unix.bytes, identity), identity)
    }

    /// Returns an absolute path, because the working directory may change.
    ///
    /// If the working directory has no path or has already changed, this function returns `path`
    /// unchanged.
    private static func absolute(_ path: [UInt8], _ identity: FileIdentity) -> [UInt8] {
        guard path.first != UInt8(ascii: "/"), let folder = try? System.getcwd() else {
            return path
        }
        let absolute = folder + [UInt8(ascii: "/")] + path
        return (try? System.lstat(absolute)) == identity ? absolute : path
    }

    private init(_ path: [UInt8], _ identity: FileIdentity) {
        self.path = path
        self.identity = identity
    }

    deinit { remove() }

    /// Removes the file unless another file has replaced it.
    ///
    /// A second call does nothing, because the path may then belong to another socket.
    func remove() { if isOwned.exchange(false, ordering: .acquiringAndReleasing) { unlink() } }

    /// Keeps the file, so the caller is responsible for removing it.
    func keep() { isOwned.store(false, ordering: .releasing) }

    /// Removes the socket file at `address` if no program uses it any more.
    ///
    /// Returns `false` if the path is not a socket file or a program still uses it.
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

    /// Returns whether no program uses the socket file any more.
    ///
    /// The function tries to connect a socket of the wrong type. If a server is running, the kernel
    /// rejects the connection with `EPROTOTYPE`, so the server does not see a client that
    /// disconnects at once.
    private static func isStale(_ address: SocketAddress, _ type: SocketType) -> Bool {
        do throws(SocketError) {
            let probe = try OwnedSocket(.unix, type == .datagram ? .stream : .datagram)
            let raw = try address.raw(
                for: .unix, .connect, on: probe.descriptor.number)
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
