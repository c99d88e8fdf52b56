import Sockets

extension Endpoint {
    /// The endpoint for every interface and both families, if this is the IPv6 address `::`.
    var listeningOnBothFamilies: Endpoint {
        guard let host, let port, IPAddress(host) == .v6(.any) else { return self }
        return transport == .udp ? .udp(port: port) : .tcp(port: port)
    }

    /// Throws a failure if the host is an address that cannot be used.
    ///
    /// - Parameters:
    ///   - family: The required family; nil allows both families.
    ///   - interface: The interface that the user has named after an IPv4 multicast group.
    /// - Throws: A `Failure` if the address is of another family, or if it names an interface that
    ///   this machine does not have.
    func checkHost(_ family: AddressFamily?, interface: String? = nil) throws(Failure) {
        guard let host, let address = IPAddress(host) else { return }
        if let interface { try Self.checkInterface(interface, of: "\(host)%\(interface)") }
        if case .v6(let address) = address, let zone = address.zone {
            try Self.checkInterface(zone, of: "\(address)")
        }
        guard let family else { return }
        let actual = SocketAddress(address, port: 0).family
        guard let actual, actual != family else { return }
        throw Failure(
            .nameNotResolved,
            "cannot use \(address): it is an address of \(actual), and only \(family) is allowed",
            hint: "Omit -4 or -6, or give an address of \(family).")
    }

    /// Throws a failure if this machine has no such interface.
    private static func checkInterface(_ interface: String, of address: String) throws(Failure) {
        guard !Environment.hasInterface(interface) else { return }
        throw Failure(
            .nameNotResolved, "cannot use \(address): there is no such interface",
            hint: Hint.missingInterface)
    }
}
