internal import CSockets
internal import Glibc
package import SystemPackage

/// One entry of getifaddrs(3).
package struct InterfaceEntry {
    /// The contents of the entry.
    package enum Content {
        /// The interface itself, with its hardware address. Each interface has one such entry.
        case link([UInt8])
        /// An address of the interface, the number of ones in its mask, and its broadcast address
        /// or the address of the other end of the link.
        case address(
            RawSocketAddress.Content, prefixLength: Int, destination: RawSocketAddress.Content)
    }

    /// The interface's name, or the label of an IPv4 address (`eth0:1`).
    package let name: String
    /// The `IFF_` flags.
    package let flags: UInt32
    package let content: Content

    /// A Boolean value that indicates whether the entry describes the interface itself.
    package var isLink: Bool {
        if case .link = content { true } else { false }
    }
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
            guard let content = content(of: entry) else { continue }
            entries.append(
                InterfaceEntry(
                    name: String(cString: entry.ifa_name), flags: entry.ifa_flags, content: content)
            )
        }
        return entries
    }

    /// Returns the MTU of an interface in bytes, or `nil` if no interface has the name: ioctl(2)
    /// with `SIOCGIFMTU`.
    static func interfaceMTU(_ descriptor: Int32, _ name: String) throws(Errno) -> Int? {
        var mtu: Int32 = 0
        do throws(Errno) {
            _ = try systemCall(.ioctl) { csockets_interface_mtu(descriptor, name, &mtu) }
        } catch {
            guard error == .operationNotSupportedByDevice else { throw error }
            return nil
        }
        return Int(mtu)
    }

    /// Copies the contents of an entry; returns `nil` for an unknown family.
    private static func content(of entry: ifaddrs) -> InterfaceEntry.Content? {
        // The entry of an interface without a hardware address, such as a tunnel, has no address.
        guard let address = entry.ifa_addr else { return .link([]) }
        let content = copy(address)
        let mask = copy(entry.ifa_netmask)
        let destination = copy(entry.ifa_ifu.ifu_dstaddr)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            var length = 32
            if case .ipv4(let bits, _) = mask { length = bits.nonzeroBitCount }
            return .address(content, prefixLength: length, destination: destination)
        case AF_INET6:
            var length = 128
            if case .ipv6(let high, let low, _, _) = mask {
                length = high.nonzeroBitCount + low.nonzeroBitCount
            }
            return .address(content, prefixLength: length, destination: destination)
        case AF_PACKET:
            // The layout of sockaddr_ll (packet(7)), which Swift does not import: the length of the
            // hardware address at offset 11, and the address itself at offset 12. libc reserves 24
            // bytes for the address.
            let bytes = UnsafeRawPointer(address)
            let count = min(Int(bytes.load(fromByteOffset: 11, as: UInt8.self)), 24)
            return .link(Array(UnsafeRawBufferPointer(start: bytes + 12, count: count)))
        default: return nil
        }
    }

    /// Copies an Internet address; returns `unnamed` for anything else.
    private static func copy(_ address: UnsafeMutablePointer<sockaddr>?) -> RawSocketAddress.Content
    {
        guard let address else { return .unnamed }
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let length = socklen_t(MemoryLayout<sockaddr_in>.size)
            return RawSocketAddress(copying: address, length: length).content
        case AF_INET6:
            let length = socklen_t(MemoryLayout<sockaddr_in6>.size)
            return RawSocketAddress(copying: address, length: length).content
        default: return .unnamed
        }
    }
}
