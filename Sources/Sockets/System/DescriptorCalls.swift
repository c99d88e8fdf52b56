internal import CSockets
internal import Glibc
internal import SystemPackage

/// What recvmsg(2) has received from a Unix socket.
struct ReceivedMessage {
    /// The number of bytes, or the length of the message if `fullLength` was passed.
    var size = 0
    var descriptors: [Int32] = []
    /// A Boolean value that indicates whether the message had more descriptors than the limit.
    var isTruncated = false
    /// A Boolean value that indicates whether the kernel reported the arrival time of the message:
    /// `SO_TIMESTAMP`, or `SO_TIMESTAMPNS`, which replaces it.
    var hasTimestamp = false
    /// The address of the sender, or `nil` if it was not requested.
    var sender: RawSocketAddress?

    /// A Boolean value that indicates whether the connection has ended.
    ///
    /// Without `SO_TIMESTAMP`, this property is also true for an empty packet.
    var isEnd: Bool { size == 0 && descriptors.isEmpty && !isTruncated && !hasTimestamp }
}

// Descriptors and credentials of Unix sockets (unix(7)).
extension System {
    /// The largest number of descriptors in one message.
    static let descriptorLimit = Int(CSOCKETS_DESCRIPTOR_LIMIT)

    /// Sends bytes with descriptors: sendmsg(2) with `SCM_RIGHTS` and `MSG_NOSIGNAL`.
    ///
    /// On a stream, the descriptors go with the first byte, even if the kernel accepts only a part
    /// of the bytes. The descriptors come from the user, so an invalid one throws `EBADF` instead
    /// of stopping the program. Without a destination, the bytes go to the peer of the socket.
    static func sendmsg(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, with descriptors: [Int32],
        to destination: RawSocketAddress? = nil, _ flags: TransferFlags
    ) throws(Errno) -> Int {
        try transferCall(.sendmsg, bytes.count, onInterrupt: .report, fromUser: true) { size in
            func send(_ address: UnsafePointer<sockaddr>?, _ length: socklen_t) -> Int {
                csockets_send_descriptors(
                    descriptor, bytes.baseAddress, size, descriptors, descriptors.count, address,
                    length, flags.rawValue | Int32(MSG_NOSIGNAL))
            }
            guard let destination else { return send(nil, 0) }
            return destination.withAddress { send($0, $1) }
        }
    }

    /// Receives bytes with at most `limit` descriptors, which get close-on-exec: recvmsg(2) with
    /// `MSG_CMSG_CLOEXEC`.
    ///
    /// The caller owns the descriptors.
    static func recvmsg(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, descriptorsAtMost limit: Int,
        reportsSender: Bool = false, _ flags: TransferFlags
    ) throws(Errno) -> ReceivedMessage {
        var descriptors = [Int32](repeating: -1, count: limit)
        var count = limit
        var (isTruncated, hasTimestamp): (Int32, Int32) = (0, 0)
        var sender = reportsSender ? RawSocketAddress() : nil
        let size = try systemCall(.recvmsg, onInterrupt: .report) {
            func receive(
                _ address: UnsafeMutablePointer<sockaddr>?,
                _ length: UnsafeMutablePointer<socklen_t>?
            ) -> Int {
                csockets_receive_descriptors(
                    descriptor, buffer.baseAddress, buffer.count, &descriptors, &count,
                    &isTruncated, &hasTimestamp, address, length, flags.rawValue)
            }
            return sender?.withRoom { receive($0, $1) } ?? receive(nil, nil)
        }
        descriptors.removeLast(limit - count)
        return ReceivedMessage(
            size: size, descriptors: descriptors, isTruncated: isTruncated != 0,
            hasTimestamp: hasTimestamp != 0, sender: sender)
    }

    /// Returns the process, the user and the group of a peer: getsockopt(2) with `SO_PEERCRED`.
    ///
    /// - Throws: `ENOTCONN` if there is no peer.
    static func peerCredentials(
        _ descriptor: Int32
    ) throws(Errno) -> (process: Int32, user: UInt32, group: UInt32) {
        let credentials = try getsockopt(
            descriptor, SOL_SOCKET, SO_PEERCRED, csockets_credentials())
        // The kernel returns these values if there is no peer.
        guard credentials.user != .max || credentials.process != 0 else {
            throw .socketNotConnected
        }
        return (credentials.process, credentials.user, credentials.group)
    }

    /// Returns the supplementary groups of a peer: getsockopt(2) with `SO_PEERGROUPS`.
    static func peerGroups(_ descriptor: Int32) throws(Errno) -> [UInt32] {
        // A process rarely has more than 64 groups, and never more than 65,536 (`NGROUPS_MAX`).
        var capacity = 64
        while true {
            var groups = [UInt32](repeating: 0, count: capacity)
            var size = socklen_t(capacity * MemoryLayout<UInt32>.stride)
            do throws(Errno) {
                _ = try systemCall(.getsockopt) {
                    Glibc.getsockopt(descriptor, SOL_SOCKET, csockets_peer_groups, &groups, &size)
                }
                return Array(groups.prefix(Int(size) / MemoryLayout<UInt32>.stride))
            } catch {
                guard error == .outOfRange, capacity < 65_536 else { throw error }
                capacity = 65_536
            }
        }
    }

    /// Returns a new descriptor of a peer's process, with close-on-exec: getsockopt(2) with
    /// `SO_PEERPIDFD`.
    ///
    /// Newer kernels return a descriptor even if the process has ended.
    ///
    /// - Throws: `ENODATA` if there is no peer, and `ESRCH` on an older kernel if the process has
    ///   ended.
    static func peerProcess(_ descriptor: Int32) throws(Errno) -> Int32 {
        do throws(Errno) {
            return try getsockopt(descriptor, SOL_SOCKET, csockets_peer_pidfd, Int32(-1))
        } catch {
            // Older kernels report a process that has ended as an invalid argument.
            throw error == .invalidArgument ? .noSuchProcess : error
        }
    }
}
