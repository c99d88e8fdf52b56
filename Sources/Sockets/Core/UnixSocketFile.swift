internal import SystemPackage

/// The file that binding a Unix socket to a path leaves behind, which only its owner may remove.
struct UnixSocketFile {
    private let path: [UInt8]
    private let identity: FileIdentity

    /// Remembers the file that a socket has just been bound to; nil for abstract names.
    init?(boundTo address: SocketAddress) {
        guard case .unix(let unix) = address, unix.kind == .path,
            let identity = try? System.lstat(unix.bytes)
        else { return nil }
        path = unix.bytes
        self.identity = identity
    }

    /// Removes the file, unless another has taken its place.
    func remove() {
        guard (try? System.lstat(path)) == identity else { return }
        try? System.unlink(path)
    }

    /// Removes a socket file that nobody listens on any more; false if the path is something else,
    /// or somebody does listen.
    static func removeStale(_ address: SocketAddress, type: SocketType) -> Bool {
        guard let file = UnixSocketFile(boundTo: address), file.identity.isSocket else {
            return false
        }
        // Knocking with the wrong type of socket: whoever is alive answers that it is the wrong type
        // (EPROTOTYPE), and is not disturbed by a caller who hangs up at once.
        do throws(SocketError) {
            let caller = try Socket(.unix, type == .datagram ? .stream : .datagram)
            try caller.connect(to: address, timeout: .milliseconds(100))
            return false
        } catch {
            guard error.errno == .connectionRefused else { return false }
        }
        file.remove()
        return true
    }
}
