internal import SystemPackage

/// Checks that a link-local destination names its link.
enum DestinationLink {
    /// Throws an error if a datagram to `remote` would leave through an arbitrary link.
    ///
    /// Every link has the addresses `fe80::/10`. If the destination has no zone, the kernel takes
    /// the link of the first route, which may be the wrong one. So the destination needs a zone,
    /// unless the socket itself is bound to a link. Groups are exempt, because a multicast datagram
    /// without a zone leaves through the default interface.
    ///
    /// - Throws: `EINVAL`, which connect(2) also reports for such an address.
    @inline(__always)
    static func check(
        _ remote: SocketAddress, _ descriptor: Int32, _ family: AddressFamily
    ) throws(Errno) {
        guard _slowPath(remote.lacksZone), family == .ipv6 else { return }
        try checkLink(of: descriptor, remote)
    }

    @inline(never)
    private static func checkLink(of descriptor: Int32, _ remote: SocketAddress) throws(Errno) {
        if remote.ip?.isMulticast == true { return }
        // A bind to a link-local address also binds the device. If the device has gone, reading its
        // name fails, and the kernel reports the reason when the datagram is sent.
        let device = try? System.option(descriptor, .bindToDevice, capacity: 16)
        guard device?.isEmpty == true else { return }
        // `IPV6_UNICAST_IF` also sets a link. If the kernel lacks this option, the socket has no
        // such link.
        guard (try? System.option(descriptor, .unicastInterface6)) ?? 0 == 0 else { return }
        throw .invalidArgument
    }
}
