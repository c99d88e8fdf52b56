internal import SystemPackage

// Conversions between public addresses and the kernel's addresses.
extension SocketAddress {
    /// Creates an address from the kernel's format.
    ///
    /// An IPv4-mapped address becomes an IPv4 address, because a dual-stack socket reports IPv4
    /// peers by mapped addresses.
    ///
    /// `UnixAddress` cannot represent a path that fills `sun_path` without a NUL. Such a path
    /// becomes `unnamed` and is not truncated, because the shorter path would name another socket.
    package init(_ raw: RawSocketAddress) { self.init(raw.content) }

    /// Creates an address from the contents of a raw address.
    @inline(__always)
    init(_ content: RawSocketAddress.Content) {
        switch content {
        case .ipv4(let bits, let port): self = .ipv4(IPv4Address(bits: bits), port: port)
        case .ipv6(let high, let low, let port, let scope):
            let address = IPv6Address(high: high, low: low, zone: IPv6Address.zone(of: scope))
            self = SocketAddress.ipv6(address, port: port).unmapped
        case .unix(let name):
            let address =
                name.first == 0
                ? UnixAddress(abstractBytes: Array(name.dropFirst()))
                : UnixAddress(pathBytes: name)
            self = address.map { .unix($0) } ?? .unnamed
        case .unnamed: self = .unnamed
        }
    }

    /// Returns the address in the kernel's format for a socket of this family.
    ///
    /// An IPv4 address becomes IPv4-mapped for an IPv6 socket, because a dual-stack socket reaches
    /// IPv4 peers by mapped addresses.
    ///
    /// An IPv4-mapped address becomes an IPv4 address for an IPv4 socket.
    ///
    /// - Parameters:
    ///   - family: The family of the socket.
    ///   - descriptor: The socket, which is used to look up the zone's interface. If it is `nil`,
    ///     the lookup needs another descriptor.
    /// - Returns: The address in the kernel's format.
    /// - Throws: One of these errors:
    ///   - `ENODEV` if the zone names no interface of this machine.
    ///   - `EMFILE` or `ENFILE` if no descriptor is left for the lookup.
    func raw(
        for family: AddressFamily, on descriptor: Int32? = nil
    ) throws(Errno) -> RawSocketAddress {
        switch self {
        case .ipv4(let address, let port) where family == .ipv6:
            let mapped = IPv6Address(mapping: address)
            return RawSocketAddress(.ipv6(high: mapped.high, low: mapped.low, port: port, scope: 0))
        case .ipv4(let address, let port):
            return RawSocketAddress(.ipv4(bits: address.bits, port: port))
        case .ipv6(let address, let port):
            if family == .ipv4, let inner = address.ipv4Mapped {
                return RawSocketAddress(.ipv4(bits: inner.bits, port: port))
            }
            let scope = try address.scope(on: descriptor)
            return RawSocketAddress(
                .ipv6(high: address.high, low: address.low, port: port, scope: scope))
        case .unix(let address):
            return RawSocketAddress(
                .unix(address.kind == .abstract ? [0] + address.bytes : address.bytes))
        case .unnamed: return RawSocketAddress(.unnamed)
        }
    }
}

extension IPv6Address {
    /// Returns the index of the interface that the zone names; 0 if there is no zone.
    ///
    /// An interface's name may consist of digits. Such a name has priority over an index.
    func scope(on descriptor: Int32? = nil) throws(Errno) -> UInt32 {
        guard let zone else { return 0 }
        if let index = try System.if_nametoindex(zone, on: descriptor) { return index }
        guard let index = Decimal.value(of: zone.utf8, maximum: .max) else {
            throw Errno.operationNotSupportedByDevice
        }
        return index
    }

    /// Returns the zone for an interface's index: the interface's name, or the index in digits if
    /// the interface is gone; `nil` for index 0.
    ///
    /// The name is preferred, because the index in digits could be the name of another interface.
    package static func zone(of scope: UInt32) -> String? {
        scope == 0 ? nil : System.if_indextoname(scope) ?? String(scope)
    }
}
