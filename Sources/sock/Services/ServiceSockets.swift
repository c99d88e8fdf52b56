import Sockets

/// The two sockets of a service on one address: TCP and UDP with the same port number.
struct ServiceSockets: Sendable {
    let listener: Socket
    let datagrams: Socket

    /// Opens both sockets on every address of a host.
    ///
    /// The host is a name or an address, or `*` for every interface. If it is nil, the sockets use
    /// the loopback addresses of both families.
    static func open(
        host: String?, port: Port, family: AddressFamily?
    ) throws(SocketError) -> [ServiceSockets] {
        let hosts = try addresses(of: host, port: port, family: family)
        // A port that the kernel chose for TCP may be in use for UDP or on the other address, so
        // try again with another port.
        var attemptsLeft = port.number == 0 ? 16 : 1
        while true {
            do throws(SocketError) {
                return try open(hosts, port: port, skipsMissing: host == nil)
            } catch {
                attemptsLeft -= 1
                if error.errno != .addressInUse || attemptsLeft == 0 { throw error }
            }
        }
    }

    private static func addresses(
        of host: String?, port: Port, family: AddressFamily?
    ) throws(SocketError) -> [String] {
        switch host {
        case nil: return (family.map { [$0] } ?? [.ipv4, .ipv6]).map(loopback)
        case "*"? where family == nil, "::"? where family == nil: return [""]
        case "*"?: return [family == .ipv6 ? "::" : "0.0.0.0"]
        case let host?:
            let found = try Resolver.resolve(
                .tcp(host, port: 0), family: family, forBinding: true)
            return found.compactMap { $0.ip?.description }
        }
    }

    private static func loopback(_ family: AddressFamily) -> String {
        family == .ipv6 ? "::1" : "127.0.0.1"
    }

    private static func open(
        _ hosts: [String], port: Port, skipsMissing: Bool
    ) throws(SocketError) -> [ServiceSockets] {
        var opened: [ServiceSockets] = []
        for host in hosts {
            let wanted = opened.first?.listener.localAddress.port.map { Port($0) } ?? port
            do throws(SocketError) {
                let listener = try Socket(on: .tcp(host, port: wanted))
                let bound = listener.localAddress.port.map { Port($0) } ?? wanted
                let datagrams = try Socket(on: .udp(host, port: bound))
                opened.append(ServiceSockets(listener: listener, datagrams: datagrams))
            } catch {
                // A machine without IPv6 has only the IPv4 loopback address, so ignore the error
                // for ::1.
                let isMissing =
                    error.errno == .addressNotAvailable
                    || error.errno == .addressFamilyNotSupported
                guard skipsMissing, isMissing, host == "::1", !opened.isEmpty else { throw error }
            }
        }
        return opened
    }
}
