internal import SystemPackage

/// A network interface of this machine, such as `lo` or `eth0`, at the moment of the query.
///
/// ```swift
/// for interface in try NetworkInterface.all {
///     print(interface.index, interface.name, interface.addresses.map(\.prefix))
/// }
/// ```
public struct NetworkInterface: Hashable, Sendable {
    /// The flags of an interface (`IFF_` in netdevice(7)).
    public struct Flags: OptionSet, Hashable, Sendable {
        /// The flags as the kernel's bits.
        public let rawValue: UInt32
        /// Creates flags from the kernel's bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// The interface is turned on (`IFF_UP`).
        public static let up = Flags(rawValue: 0x1)
        /// The interface has a broadcast address (`IFF_BROADCAST`).
        public static let broadcast = Flags(rawValue: 0x2)
        /// The interface is a loopback interface (`IFF_LOOPBACK`).
        public static let loopback = Flags(rawValue: 0x8)
        /// The interface is a point-to-point link (`IFF_POINTOPOINT`).
        public static let pointToPoint = Flags(rawValue: 0x10)
        /// The interface has a link and can transfer packets (`IFF_RUNNING`).
        public static let running = Flags(rawValue: 0x40)
        /// The interface does not use ARP (`IFF_NOARP`).
        public static let noARP = Flags(rawValue: 0x80)
        /// The interface receives the packets of all machines (`IFF_PROMISC`).
        public static let promiscuous = Flags(rawValue: 0x100)
        /// The interface supports multicast (`IFF_MULTICAST`).
        public static let multicast = Flags(rawValue: 0x1000)
    }

    /// An address of an interface.
    public struct Address: Hashable, Sendable {
        /// The address; a link-local address of version 6 has the interface's name as its zone.
        public let address: IPAddress
        /// The network of the address: `10.1.0.0/16` for `10.1.2.3` with the length 16.
        public let prefix: IPPrefix
    }

    /// The index, which the kernel assigns.
    public let index: UInt32
    /// The name.
    public let name: String
    /// The flags.
    public let flags: Flags
    /// The size of the largest packet in bytes (MTU).
    public let mtu: Int
    /// The hardware address, which is empty if the interface has none; six bytes for Ethernet.
    public let hardwareAddress: [UInt8]
    /// The addresses in the kernel's order.
    public let addresses: [Address]

    /// The interfaces of this machine, in the kernel's order.
    ///
    /// An interface that disappears during the query is left out. The corresponding C function is
    /// `getifaddrs`.
    ///
    /// - Throws: ``SocketError/Cause/system(_:)`` if the system reports an error, for example
    ///   because no descriptor is left.
    public static var all: [NetworkInterface] {
        get throws(SocketError) {
            do throws(Errno) { return try list() } catch {
                throw SocketError(.listInterfaces, .system(error))
            }
        }
    }

    /// Returns the interface with this name, or `nil` if there is none.
    ///
    /// - Parameter name: The name, such as `eth0`.
    /// - Returns: The interface, or `nil`.
    /// - Throws: ``SocketError/Cause/system(_:)`` if the system reports an error, for example
    ///   because no descriptor is left.
    public static func named(_ name: String) throws(SocketError) -> NetworkInterface? {
        try all.first { $0.name == name }
    }

    private static func list() throws(Errno) -> [NetworkInterface] {
        let entries = try System.getifaddrs()
        let descriptor = try System.socket(.unix, .datagram)
        defer { System.close(descriptor) }
        var interfaces: [NetworkInterface] = []
        for entry in entries {
            guard case .link(let index, let hardwareAddress) = entry.content else { continue }
            let mtu: Int
            do throws(Errno) { mtu = try System.interfaceMTU(descriptor, entry.name) } catch {
                guard error == .operationNotSupportedByDevice else { throw error }
                continue
            }
            interfaces.append(
                NetworkInterface(
                    index: index, name: entry.name, flags: Flags(rawValue: entry.flags), mtu: mtu,
                    hardwareAddress: hardwareAddress,
                    addresses: entries.filter { $0.name == entry.name }.compactMap(Address.init)))
        }
        return interfaces
    }
}

extension NetworkInterface.Address {
    fileprivate init?(_ entry: InterfaceEntry) {
        guard case .address(let content, let length) = entry.content else { return nil }
        let plain: IPAddress
        switch content {
        case .ipv4(let bits, _):
            plain = .v4(IPv4Address(bits: bits))
            address = plain
        case .ipv6(let high, let low, _, let scope):
            plain = .v6(IPv6Address(high: high, low: low))
            address = .v6(
                IPv6Address(high: high, low: low, zone: scope == 0 ? nil : entry.name))
        case .unix, .unnamed: return nil
        }
        guard let prefix = IPPrefix(plain, length: length) else { return nil }
        self.prefix = prefix.masked
    }
}
