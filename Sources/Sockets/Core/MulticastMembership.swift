internal import SystemPackage

/// A change to a socket's multicast settings.
enum MulticastMembership {
    /// Joins or leaves a group on this interface, or, if `interface` is `nil`, on the interface
    /// that the routes select.
    case membership(Membership, of: IPAddress, interface: String?)
    /// Sends to groups through this interface.
    case sendThrough(interface: String)

    /// The name of the setting in errors.
    var subject: String {
        switch self {
        case .membership(_, let group, _): "multicastGroup \(group)"
        case .sendThrough(let interface): "multicastInterface \(TerminalText.escaped(interface))"
        }
    }

    /// Applies the change.
    ///
    /// - Throws: `ENODEV` if the interface does not exist, or an error of setsockopt(2).
    func apply(to descriptor: Int32, _ family: AddressFamily) throws(Errno) {
        switch self {
        case .membership(let membership, let group, let interface):
            if membership == .join { try System.receiveJoinedGroupsOnly(descriptor, family) }
            let index = try index(of: interface, on: descriptor)
            switch group.unmapped {
            case .v4(let group):
                try System.setMembership(descriptor, membership, ofIPv4Group: group.bits, on: index)
            case .v6(let group):
                let zone = try group.scope(on: descriptor)
                try System.setMembership(
                    descriptor, membership, ofIPv6Group: group.high, group.low,
                    on: index == 0 ? zone : index)
            }
        case .sendThrough(let interface):
            let index = try index(of: interface, on: descriptor)
            if family == .ipv6 { try System.setMulticastInterfaceIPv6(descriptor, index) }
            // An IPv6 socket may send to IPv4 groups, too.
            if family != .unix { try System.setMulticastInterfaceIPv4(descriptor, index) }
        }
    }

    private func index(of interface: String?, on descriptor: Int32) throws(Errno) -> UInt32 {
        guard let interface else { return 0 }
        guard let index = try System.if_nametoindex(interface, on: descriptor) else {
            throw .operationNotSupportedByDevice
        }
        return index
    }
}
