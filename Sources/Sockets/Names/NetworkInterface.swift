internal import SystemPackage

/// A network interface of this machine, such as `lo` or `eth0`, at the moment of the query.
///
/// ```swift
/// for interface in try NetworkInterface.all {
///     print(interface.index, interface.name, interface.addresses.map(\.address))
/// }
/// let addresses = try NetworkInterface.all.flatMap(\.addresses)
/// let isNeighbor = addresses.contains { $0.prefix.contains(client) }
/// ```
///
/// The queries do not wait for the network, so a task may make them too.
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
        /// The network that this address connects to, masked: `10.1.0.0/16` for `10.1.2.3` with
        /// the length 16.
        ///
        /// If there is a ``peer``, this is the network of the peer.
        public let prefix: IPPrefix
        /// The address of the other end of a link between two machines, such as a tunnel; `nil` if
        /// the address has none.
        public let peer: IPAddress?
    }

    /// The index, which the kernel assigns.
    public let index: UInt32
    /// The name.
    public let name: String
    /// The flags.
    public let flags: Flags
    /// The size of the largest packet in bytes (MTU).
    public let mtu: Int
    /// The hardware address; empty if the interface has none.
    ///
    /// An Ethernet address has six bytes, and that of `lo` has six zeros. Tunnels may have none.
    public let hardwareAddress: [UInt8]
    /// The addresses in the kernel's order.
    public let addresses: [Address]

    /// The interfaces of this machine, in the kernel's order.
    ///
    /// These are the interfaces of the network namespace of the calling thread. An interface that
    /// disappears during the query is left out. The corresponding C function is `getifaddrs`.
    ///
    /// - Throws: ``SocketError/Cause/system(_:)`` if the system reports an error, for example
    ///   because no free descriptor is left.
    public static var all: [NetworkInterface] {
        get throws(SocketError) {
            do throws(Errno) { return try list() } catch {
                throw SocketError(.listInterfaces, .system(error))
            }
        }
    }

    /// Returns the interface with this name, or `nil` if there is none.
    ///
    /// The corresponding C function is `if_nametoindex`.
    ///
    /// - Parameter name: The name, such as `eth0`.
    /// - Returns: The interface, or `nil`.
    /// - Throws: ``SocketError/Cause/system(_:)`` if the system reports an error, for example
    ///   because no free descriptor is left.
    public static func named(_ name: String) throws(SocketError) -> NetworkInterface? {
        try all.first { $0.name == name }
    }

    /// Returns the interface with this index, or `nil` if there is none.
    ///
    /// The corresponding C function is `if_indextoname`.
    ///
    /// - Parameter index: The index, which is 1 or more.
    /// - Returns: The interface, or `nil`.
    /// - Throws: ``SocketError/Cause/system(_:)`` if the system reports an error, for example
    ///   because no free descriptor is left.
    public static func at(index: UInt32) throws(SocketError) -> NetworkInterface? {
        try all.first { $0.index == index }
    }

    private static func list() throws(Errno) -> [NetworkInterface] {
        let entries = try System.getifaddrs()
        let descriptor = try System.socket(.unix, .datagram)
        defer { System.close(descriptor) }
        let addresses = addresses(in: entries)
        var interfaces: [NetworkInterface] = []
        for entry in entries {
            guard case .link(let hardwareAddress) = entry.content,
                let index = try System.if_nametoindex(entry.name, on: descriptor),
                let mtu = try System.interfaceMTU(descriptor, entry.name)
            else { continue }
            interfaces.append(
                NetworkInterface(
                    index: index, name: entry.name, flags: Flags(rawValue: entry.flags), mtu: mtu,
                    hardwareAddress: hardwareAddress, addresses: addresses[entry.name] ?? []))
        }
        return interfaces
    }

    /// Returns the addresses in the entries, keyed by the names of their interfaces.
    private static func addresses(in entries: [InterfaceEntry]) -> [String: [Address]] {
        let names = Set(entries.filter(\.isLink).map(\.name))
        var addresses: [String: [Address]] = [:]
        for entry in entries where !entry.isLink {
            let name =
                names.contains(entry.name) ? entry.name : interface(ofLabel: entry.name, in: names)
            guard let name, let address = Address(entry, of: name) else { continue }
            addresses[name, default: []].append(address)
        }
        return addresses
    }

    /// Returns the name of the interface to which a label of an IPv4 address belongs.
    ///
    /// A label begins with the name, usually followed by `:` and any text (ip-address(8)).
    private static func interface(ofLabel label: String, in names: Set<String>) -> String? {
        names.filter { label.utf8.starts(with: $0.utf8) }.max { $0.utf8.count < $1.utf8.count }
    }
}

extension NetworkInterface.Address {
    /// Creates an address from an entry of an interface; `nil` if the entry has no IP address.
    fileprivate init?(_ entry: InterfaceEntry, of interface: String) {
        guard case .address(let content, let length, let destination) = entry.content,
            let address = IPAddress(content, on: interface)
        else { return nil }
        // For an interface that can broadcast, `destination` is the broadcast address and not a
        // peer. For an IPv4 address without a peer, the kernel repeats the address itself.
        let canBroadcast = NetworkInterface.Flags(rawValue: entry.flags).contains(.broadcast)
        let other = canBroadcast ? nil : IPAddress(destination, on: interface)
        let peer = other == address ? nil : other
        guard let prefix = IPPrefix(peer ?? address, length: length) else { return nil }
        self.init(address: address, prefix: prefix.masked, peer: peer)
    }
}

extension IPAddress {
    /// Creates an address of an interface; `nil` if the content is not an IP address.
    fileprivate init?(_ content: RawSocketAddress.Content, on interface: String) {
        switch content {
        case .ipv4(let bits, _): self = .v4(IPv4Address(bits: bits))
        case .ipv6(let high, let low, _, let scope):
            self = .v6(IPv6Address(high: high, low: low, zone: scope == 0 ? nil : interface))
        case .unix, .unnamed: return nil
        }
    }
}
