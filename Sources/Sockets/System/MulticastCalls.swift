internal import Glibc
internal import SystemPackage

/// A change to the membership in a multicast group.
enum Membership {
    case join, leave
}

extension System {
    /// Joins or leaves an IPv4 group: setsockopt(2) with `IP_ADD_MEMBERSHIP` or
    /// `IP_DROP_MEMBERSHIP`.
    ///
    /// For interface 0, the kernel chooses an interface by its routes.
    static func setMembership(
        _ descriptor: Int32, _ membership: Membership, ofIPv4Group bits: UInt32,
        on interface: UInt32
    ) throws(Errno) {
        let name = membership == .join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP
        try setsockopt(descriptor, Int32(IPPROTO_IP), name, request(bits, interface))
    }

    /// Joins or leaves an IPv6 group: setsockopt(2) with `IPV6_JOIN_GROUP` or `IPV6_LEAVE_GROUP`.
    static func setMembership(
        _ descriptor: Int32, _ membership: Membership, ofIPv6Group high: UInt64, _ low: UInt64,
        on interface: UInt32
    ) throws(Errno) {
        var request = ipv6_mreq()
        request.ipv6mr_interface = interface
        withUnsafeMutableBytes(of: &request.ipv6mr_multiaddr) { bytes in
            bytes.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        let name = membership == .join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP
        try setsockopt(descriptor, Int32(IPPROTO_IPV6), name, request)
    }

    /// Restricts the received multicast datagrams to the groups that the socket has joined:
    /// setsockopt(2) with `IP_MULTICAST_ALL` and `IPV6_MULTICAST_ALL`.
    ///
    /// By default, a socket at the wildcard address receives the datagrams of every group that any
    /// program of the machine has joined. The IPv6 option does not exist before Linux 4.20.
    static func receiveJoinedGroupsOnly(
        _ descriptor: Int32, _ family: AddressFamily
    ) throws(Errno) {
        if family == .ipv6 {
            do throws(Errno) { try setOption(descriptor, .multicastAll6, 0) } catch {
                guard error == .protocolNotAvailable else { throw error }
            }
        }
        if family != .unix { try setOption(descriptor, .multicastAll4, 0) }
    }

    /// Sets the interface of outgoing multicast datagrams: setsockopt(2) with `IP_MULTICAST_IF`.
    static func setMulticastInterfaceIPv4(_ descriptor: Int32, _ interface: UInt32) throws(Errno) {
        try setsockopt(descriptor, Int32(IPPROTO_IP), IP_MULTICAST_IF, request(0, interface))
    }

    /// Sets the interface of outgoing multicast datagrams: setsockopt(2) with `IPV6_MULTICAST_IF`.
    static func setMulticastInterfaceIPv6(_ descriptor: Int32, _ interface: UInt32) throws(Errno) {
        try setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_MULTICAST_IF, Int32(interface))
    }

    private static func request(_ group: UInt32, _ interface: UInt32) -> ip_mreqn {
        var request = ip_mreqn()
        request.imr_multiaddr.s_addr = group.bigEndian
        request.imr_ifindex = Int32(interface)
        return request
    }
}
