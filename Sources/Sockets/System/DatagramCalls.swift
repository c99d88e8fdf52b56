internal import CSockets
internal import Glibc
internal import SystemPackage

/// Which address of this machine a datagram came to, or is to leave from; there is no port in it.
typealias PacketAddress = RawSocketAddress.Content

extension System {
    /// setsockopt(2) with `IP_PKTINFO` or `IPV6_RECVPKTINFO`: `recvmmsg` tells from now on to
    /// which address a datagram came.
    ///
    /// An IPv6 socket that serves IPv4 as well needs both.
    static func enablePacketInfo(_ descriptor: Int32, isIPv6: Bool) throws(Errno) {
        if isIPv6 { try setOption(descriptor, .packetInfo6, 1) }
        try setOption(descriptor, .packetInfo4, 1)
    }

    /// recvmmsg(2): brings as many Internet datagrams as there are, in place of those in the batch,
    /// and tells how many; one at least.
    ///
    /// They tell the address that they came to where `enablePacketInfo` was called, whose interface
    /// is the scope of an IPv6 address. An error that comes after the first datagram is the next
    /// call's.
    @inline(__always)
    static func recvmmsg(
        _ descriptor: Int32, _ batch: inout DatagramBatch, _ flags: TransferFlags
    ) throws(Errno) -> Int {
        try Int(
            systemCall(.recvmmsg, onInterrupt: .report) {
                batch.fill { datagrams in
                    csockets_recvmmsg(
                        descriptor, datagrams, UInt32(DatagramBatch.capacity), flags.rawValue)
                }
            })
    }

    /// sendmsg(2) of one datagram with `MSG_NOSIGNAL`, leaving from an address of this machine.
    ///
    /// - Throws: `EINVAL` if it is none of this machine's.
    static func sendmsg(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ flags: TransferFlags,
        to destination: RawSocketAddress, from local: PacketAddress
    ) throws(Errno) -> Int {
        let info = packetInfo(of: local)
        return try systemCall(.sendmsg, onInterrupt: .report) {
            destination.withAddress { address, length in
                // The kernel only reads what is sent.
                let bytesToRead = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
                return withMessage(bytesToRead, bytes.count) { message in
                    message.msg_name = UnsafeMutableRawPointer(mutating: address)
                    message.msg_namelen = length
                    if let info {
                        withUnsafePointer(to: info) { csockets_write_packet_info(&message, $0) }
                    } else {
                        message.msg_control = nil
                        message.msg_controllen = 0
                    }
                    return Glibc.sendmsg(descriptor, &message, flags.rawValue | Int32(MSG_NOSIGNAL))
                }
            }
        }
    }

    /// More than the two kinds of packet info take together.
    private static let controlCapacity = 256

    /// A message of one piece, with room for control data.
    @inline(__always)
    private static func withMessage(
        _ bytes: UnsafeMutableRawPointer?, _ count: Int, _ body: (inout msghdr) -> Int
    ) -> Int {
        withUnsafeTemporaryAllocation(
            byteCount: controlCapacity, alignment: MemoryLayout<cmsghdr>.alignment
        ) { control in
            var vector = iovec(iov_base: bytes, iov_len: count)
            return withUnsafeMutablePointer(to: &vector) { vector in
                var message = msghdr()
                message.msg_iov = vector
                message.msg_iovlen = 1
                message.msg_control = control.baseAddress
                message.msg_controllen = control.count
                return body(&message)
            }
        }
    }

    static func address(in info: csockets_packet_info) -> PacketAddress? {
        withUnsafeBytes(of: info.address) { bytes in
            guard info.family == AF_INET6 else {
                return .ipv4(bits: UInt32(bigEndian: bytes.load(as: UInt32.self)), port: 0)
            }
            return .ipv6(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                port: 0, scope: info.interface)
        }
    }

    private static func packetInfo(of address: PacketAddress) -> csockets_packet_info? {
        var info = csockets_packet_info()
        switch address {
        case .ipv4(let bits, _):
            info.family = AF_INET
            withUnsafeMutableBytes(of: &info.address) {
                $0.storeBytes(of: bits.bigEndian, as: UInt32.self)
            }
        case .ipv6(let high, let low, _, let scope):
            info.family = AF_INET6
            info.interface = scope
            withUnsafeMutableBytes(of: &info.address) {
                $0.storeBytes(of: high.bigEndian, as: UInt64.self)
                $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
        case .unix, .unnamed:
            return nil
        }
        return info
    }
}
