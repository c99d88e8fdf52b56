internal import SystemPackage

/// The process at the other end of a Unix socket, with its user and groups.
///
/// A server gets the credentials that its client had at connect(2). A client gets those that the
/// server had at listen(2). They do not change if the process later changes its user or passes the
/// socket to another process.
public struct PeerCredentials: Hashable, Sendable {
    /// The process ID, or 0 if the peer is not visible in the PID namespace of this process.
    ///
    /// The kernel may give the number to another process as soon as the peer has ended. To refer to
    /// the peer reliably, open its process with `peerProcess()`.
    public let processID: Int32
    /// The effective user ID.
    public let userID: UInt32
    /// The effective group ID.
    public let groupID: UInt32
    /// The supplementary group IDs.
    public let groups: [UInt32]

    init(readFrom descriptor: Int32) throws(Errno) {
        (processID, userID, groupID) = try System.peerCredentials(descriptor)
        groups = try System.peerGroups(descriptor)
    }
}

extension DescriptorOwner {
    /// Reads the credentials of the peer.
    func readPeerCredentials() throws(SocketError) -> PeerCredentials {
        try requireUnix("SO_PEERCRED")
        return try call(.getOption, "SO_PEERCRED") { descriptor throws(Errno) in
            try PeerCredentials(readFrom: descriptor)
        }
    }

    /// Opens the process of the peer.
    func openPeerProcess() throws(SocketError) -> Int32 {
        try requireUnix("SO_PEERPIDFD")
        do throws(SocketError) {
            return try call(.getOption, "SO_PEERPIDFD") { descriptor throws(Errno) in
                try System.peerProcess(descriptor)
            }
        } catch {
            let isUnknown = error.errno == .protocolNotAvailable
            throw error.with(hint: isUnknown ? "The option needs Linux 6.5 or later." : nil)
        }
    }

    private func requireUnix(_ option: String) throws(SocketError) {
        // Unlike descriptors, credentials can be read over TLS.
        guard let cause = DescriptorMessage.objection(family, usesTLS: false) else { return }
        throw SocketError(.getOption, cause, subject: option)
    }
}
