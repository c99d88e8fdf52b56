internal import CSockets
internal import Glibc
internal import SystemPackage

/// A local address without a port, to which a datagram was sent or from which it will be sent.
typealias PacketAddress = RawSocketAddress.Content

extension System {
    /// Makes `recvmmsg` report the address to which each datagram was sent: setsockopt(2) with
    /// `IP_PKTINFO` or `IPV6_RECVPKTINFO`.
    ///
    /// Sets both options on an IPv6 socket, because it may also receive IPv4 datagrams.
    static func enablePacketInfo(_ descriptor: Int32, isIPv6: Bool) throws(Errno) {
        if isIPv6 { try setOption(descriptor, .packetInfo6, 1) }
        try setOption(descriptor, .packetInfo4, 1)
    }

    /// Replaces the contents of the batch with datagrams from the kernel's queue, and returns their
    /// number, which is at least 1: recvmmsg(2).
    ///
    /// If `enablePacketInfo` was called, each datagram contains the address to which it was sent.
    /// The scope of an IPv6 address is the interface. If an error occurs after the first datagram,
    /// the next call reports it.
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

    /// Sends one datagram from an address of this machine: sendmsg(2) with `MSG_NOSIGNAL`.
    ///
    /// - Throws: `EINVAL` if the address does not belong to this machine.
    static func sendmsg(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ flags: TransferFlags,
        to destination: RawSocketAddress, from local: PacketAddress
    ) throws(Errno) -> Int {
        let info = packetInfo(of: local)
        return try systemCall(.sendmsg, onInterrupt: .report) {
            withUnsafeTemporaryAllocation(
                byteCount: controlCapacity, alignment: MemoryLayout<cmsghdr>.alignment
            ) { control in
                // The mutable pointer is safe, because the kernel only reads these bytes.
                var vector = iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                    iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    destination.withAddress { address, length in
                        var message = msghdr()
                        message.msg_iov = vector
                        message.msg_iovlen = 1
                        message.msg_name = UnsafeMutableRawPointer(mutating: address)
                        message.msg_namelen = length
                        if let info {
                            message.msg_control = control.baseAddress
                            message.msg_controllen = control.count
                            withUnsafePointer(to: info) { csockets_write_packet_info(&message, $0) }
                        }
                        return Glibc.sendmsg(
                            descriptor, &message, flags.rawValue | Int32(MSG_NOSIGNAL))
                    }
                }
            }
        }
    }

    /// Receives one datagram, with its sender and the local address that it was sent to: recvmsg(2).
    ///
    /// The local address is known only after `enablePacketInfo`. With `fullLength`, the count may be
    /// larger than the buffer.
    static func recvmsg(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ flags: TransferFlags
    ) throws(Errno) -> (count: Int, sender: RawSocketAddress, local: PacketAddress?) {
        var sender = RawSocketAddress()
        var local: PacketAddress?
        let count = try systemCall(.recvmsg, onInterrupt: .report) {
            withUnsafeTemporaryAllocation(
                byteCount: controlCapacity, alignment: MemoryLayout<cmsghdr>.alignment
            ) { control in
                var vector = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    sender.withRoom { address, length in
                        var message = msghdr()
                        message.msg_iov = vector
                        message.msg_iovlen = 1
                        message.msg_name = UnsafeMutableRawPointer(address)
                        message.msg_namelen = length.pointee
                        message.msg_control = control.baseAddress
                        message.msg_controllen = control.count
                        let count = Glibc.recvmsg(descriptor, &message, flags.rawValue)
                        guard count >= 0 else { return count }
                        length.pointee = message.msg_namelen
                        var info = csockets_packet_info()
                        if csockets_read_packet_info(&message, &info) != 0 {
                            local = Self.address(in: info)
                        }
                        return count
                    }
                }
            }
        }
        return (count, sender, local)
    }

    /// The size of a buffer for control data, which is large enough for `IP_PKTINFO` and
    /// `IPV6_PKTINFO` together.
    private static let controlCapacity = 256

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
        case .unix, .unnamed: return nil
        }
        return info
    }
}
