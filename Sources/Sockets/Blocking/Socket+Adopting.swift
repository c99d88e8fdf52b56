internal import Synchronization
public import SystemPackage

// Descriptors that come from elsewhere, and go elsewhere.
extension Socket {
    /// Takes over a socket that somebody else made, e.g. one inherited from the parent process.
    ///
    /// The descriptor now belongs to this object, which closes it. It gets close-on-exec, and the
    /// mode that the calls here need: a listening socket does not wait by itself, any other does.
    /// If this throws, the descriptor is left as it was, to whom it belonged.
    ///
    /// - Throws: `.system`: `.badFileDescriptor`, `.notSocket`, `.addressFamilyNotSupported` for
    ///   families other than IPv4, IPv6 and Unix.
    public convenience init(adopting descriptor: FileDescriptor) throws(SocketError) {
        let number = descriptor.rawValue
        do throws(Errno) {
            let (domain, type) = try System.identity(of: number)
            guard let family = AddressFamily.allCases.first(where: { $0.domain == domain }),
                let type = SocketType.allCases.first(where: { $0.raw == type })
            else { throw .addressFamilyNotSupported }
            try System.setCloseOnExec(number)
            try System.setBlocking(number, !System.isListening(number))
            let local = SocketAddress(try System.getsockname(number, ours: false))
            let remote = try? SocketAddress(System.getpeername(number))
            self.init(
                owning: number, family, type, timeoutsAreKnown: false,
                local: local.port == 0 ? nil : local, remote: remote)
        } catch {
            throw SocketError(.adopt, .system(error), subject: "descriptor \(number)")
        }
    }

    /// Gives the descriptor away; this object is closed then, and whoever takes it has to close it.
    ///
    /// The descriptor waits by itself and has no time limits, as socket(2) makes it; it keeps
    /// close-on-exec.
    ///
    /// - Throws: `.closed`; `.system(.resourceBusy)` while another thread is inside a call.
    public func release() throws(SocketError) -> FileDescriptor {
        try call(.release) { descriptor throws(Errno) in
            try System.setTimeout(descriptor, .receive, microseconds: 0)
            try System.setTimeout(descriptor, .send, microseconds: 0)
            try System.setBlocking(descriptor, true)
        }
        forgetKernelTimeouts()
        guard gate.handOver() else {
            throw failure(.release, gate.isClosed ? .closed : .system(.resourceBusy))
        }
        names.withLock { $0.file = nil }
        return FileDescriptor(rawValue: descriptor)
    }

    /// Makes a second socket on the same connection: dup(2).
    ///
    /// Each has to be closed; the connection ends with the last. What one does to it (shutdown,
    /// options) holds for both.
    ///
    /// - Throws: `.system(.tooManyOpenFiles)`, `.closed`.
    public func duplicate() throws(SocketError) -> Socket {
        let copy = try call(.duplicate) { descriptor throws(Errno) in
            // From now on each could find the other's time limit in force, so both do without.
            hasDuplicate.store(true, ordering: .sequentiallyConsistent)
            return try System.duplicate(descriptor)
        }
        forgetKernelTimeouts()
        let (local, remote) = names.withLock { ($0.local, $0.remote) }
        let socket = Socket(
            owning: copy, family, type, timeoutsAreKnown: false, local: local, remote: remote)
        socket.hasDuplicate.store(true, ordering: .sequentiallyConsistent)
        return socket
    }
}
