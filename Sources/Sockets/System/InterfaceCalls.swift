internal import CSockets
internal import Glibc
package import SystemPackage

/// One entry of getifaddrs(3).
package struct InterfaceEntry {
    /// The contents of the entry.
    package enum Content {
        /// The interface itself, which has one such entry.
        case link(index: UInt32, hardwareAddress: [UInt8])
        /// An address and the number of ones in its mask.
        case address(RawSocketAddress.Content, prefixLength: Int)
    }

    /// The interface's name, without the label of an IPv4 address (`eth0:1`).
    package let name: String
    /// The `IFF_` flags.
    package let flags: UInt32
    package let content: Content
}

extension System {
    /// Returns the interfaces and their addresses: getifaddrs(3).
    package static func getifaddrs() throws(Errno) -> [InterfaceEntry] {
        var list: UnsafeMutablePointer<ifaddrs>?
        _ = try systemCall(.getifaddrs) { Glibc.getifaddrs(&list) }
        defer { freeifaddrs(list) }

        var entries: [InterfaceEntry] = []
        // Safe: the list exists until freeifaddrs, and everything in it is copied before that.
        for entry in sequence(first: list, next: { $0?.pointee.ifa_next }) {
            guard let entry = entry?.pointee else { break }
            guard let address = entry.ifa_addr, let content = content(address, entry.ifa_netmask)
            else { continue }
            let name = String(cString: entry.ifa_name).prefix { $0 != ":" }
            entries.append(
                InterfaceEntry(name: String(name), flags: entry.ifa_flags, content: content))
        }
        return entries
    }

    /// Returns the MTU of an interface in bytes: ioctl(2) with `SIOCGIFMTU`.
    ///
    /// - Throws: `ENODEV` if no interface has the name.
    static func interfaceMTU(_ descriptor: Int32, _ name: String) throws(Errno) -> Int {
        var mtu: Int32 = 0
        _ = try systemCall(.ioctl) { csockets_interface_mtu(descriptor, name, &mtu) }
        return Int(mtu)
    }

    /// Copies an address and its mask; returns `nil` for an unknown family.
    private static func content(
        _ address: UnsafeMutablePointer<sockaddr>, _ mask: UnsafeMutablePointer<sockaddr>?
    ) -> InterfaceEntry.Content? {
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let content = RawSocketAddress(copying: address, length: size).content
            guard let mask, case .ipv4(let bits, _) =
                RawSocketAddress(copying: mask, length: size).content
            else { return .address(content, prefixLength: 32) }
            return .address(content, prefixLength: bits.nonzeroBitCount)
        case AF_INET6:
            let size = socklen_t(MemoryLayout<sockaddr_in6>.size)
            let content = RawSocketAddress(copying: address, length: size).content
            guard let mask, case .ipv6(let high, let low, _, _) =
                RawSocketAddress(copying: mask, length: size).content
            else { return .address(content, prefixLength: 128) }
            return .address(content, prefixLength: high.nonzeroBitCount + low.nonzeroBitCount)
        case AF_PACKET:
            // The layout of sockaddr_ll (packet(7)), which Swift does not import. libc reserves 24
            // bytes for the hardware address, at offset 12.
            let bytes = UnsafeRawPointer(address)
            let index = bytes.loadUnaligned(fromByteOffset: 4, as: Int32.self)
            let count = min(Int(bytes.load(fromByteOffset: 11, as: UInt8.self)), 24)
            return .link(
                index: UInt32(index),
                hardwareAddress: Array(UnsafeRawBufferPointer(start: bytes + 12, count: count)))
        default: return nil
        }
    }
}
