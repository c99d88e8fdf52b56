internal import SystemPackage

/// What can be changed about groups, on whatever owns a descriptor.
enum MulticastMembership {
    /// Joins or leaves a group, on one interface or where the routes point.
    case membership(Membership, of: IPAddress, interface: String?)
    /// Sends to groups through this interface.
    case sendThrough(interface: String)

    /// What it is about, as it stands in an error.
    var subject: String {
        switch self {
        case .membership(_, let group, _): "multicastGroup \(group)"
        case .sendThrough(let interface): "multicastInterface \(TerminalText.escaped(interface))"
        }
    }

    /// Asks the kernel for it.
    ///
    /// - Throws: `ENODEV` if there is no such interface; what setsockopt(2) says.
    func apply(to descriptor: Int32, _ family: AddressFamily) throws(Errno) {
        switch self {
        case .membership(let membership, .v4(let group), let interface):
            let index = try interface.map(index(of:)) ?? 0
            try System.setMembership(descriptor, membership, ofIPv4Group: group.bits, on: index)
        case .membership(let membership, .v6(let group), let interface):
            let index = try interface.map(index(of:)) ?? 0
            let zone = try group.scope
            try System.setMembership(
                descriptor, membership, ofIPv6Group: group.high, group.low,
                on: index == 0 ? zone : index)
        case .sendThrough(let interface):
            let index = try index(of: interface)
            if family == .ipv6 { try System.setMulticastInterfaceIPv6(descriptor, index) }
            if family == .ipv4 { try System.setMulticastInterfaceIPv4(descriptor, index) }
        }
    }

    private func index(of interface: String) throws(Errno) -> UInt32 {
        guard let index = System.if_nametoindex(interface) else {
            throw .operationNotSupportedByDevice
        }
        return index
    }
}
