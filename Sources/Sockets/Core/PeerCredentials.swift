internal import SystemPackage

/// The process at the other end of a Unix socket, and its rights.
///
/// The kernel records them when the peer connects, or for the client of a server when the server
/// calls listen(2). So they do not change if the process changes its user later or passes the
/// socket to another process.
public struct PeerCredentials: Hashable, Sendable {
    /// The process, or 0 if it is not visible in the PID namespace of this process.
    ///
    /// The number may belong to another process as soon as the peer has ended. To be sure, open the
    /// process with `peerProcess()`.
    public let processID: Int32
    /// The effective user.
    public let userID: UInt32
    /// The effective group.
    public let groupID: UInt32
    /// The supplementary groups.
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
        guard family != .unix else { return }
        throw SocketError(
            .getOption, .invalidInput("the socket's family is \(family): expected a Unix socket"),
            subject: option)
    }
}
