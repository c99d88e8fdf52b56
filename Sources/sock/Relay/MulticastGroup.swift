import Sockets

/// A multicast group whose datagrams `sock -lu` receives.
struct MulticastGroup {
    let address: IPAddress
    /// The interface after the `%` of an IPv4 address.
    ///
    /// It is nil if no interface was named, because the routes then select one. It is also nil for
    /// an IPv6 address, which contains its interface as the zone.
    let interface: String?
    private let port: Port?

    /// Creates the group of an endpoint; nil if the host is not the address of a group.
    init?(_ endpoint: Endpoint, interface: String?) {
        self.init(endpoint.host.flatMap { IPAddress($0) }, endpoint.port, interface: interface)
    }

    /// Creates the group to which a socket is bound; nil if the socket is bound to another address.
    init?(of socket: Socket) {
        self.init(
            socket.localAddress.ip, socket.localAddress.port.map { Port($0) }, interface: nil)
    }

    private init?(_ address: IPAddress?, _ port: Port?, interface: String?) {
        guard let address, address.isMulticast else { return nil }
        self.address = address
        self.port = port
        self.interface = interface
    }

    /// Returns the command that receives the datagrams of the group.
    func command(_ group: String) -> String {
        "sock -lu \(TerminalText.escaped(group)) \(port.map { "\($0)" } ?? "5000")"
    }

    /// Joins the group.
    ///
    /// - Throws: A `Failure` that names the group if the system refuses.
    func join(_ socket: Socket) throws(Failure) {
        do throws(SocketError) {
            try socket.joinMulticastGroup(address, interface: interface)
        } catch {
            throw Failure(
                .cannotBind,
                "cannot join the multicast group \(text): \(reason(of: error))",
                hint: hint(after: error))
        }
    }

    /// Returns the error for a TCP listener on the group.
    ///
    /// The error shows `name`, which the user wrote, or the address if `name` is nil.
    func needsUDP(writtenAs name: String? = nil) -> UsageError {
        UsageError(
            "\(TerminalText.escaped(name ?? text)) is a multicast group, which needs UDP",
            hint: "Write \(command(name ?? text)).")
    }

    /// The phrase about the group in the message that announces the listener.
    var detail: String {
        guard let zone else { return "joined the multicast group" }
        return "joined the multicast group on \(zone)"
    }

    /// The address with its interface.
    private var text: String { interface.map { "\(address)%\($0)" } ?? "\(address)" }

    /// The interface that the user named.
    private var zone: String? {
        text.split(separator: "%", maxSplits: 1).dropFirst().first.map(String.init)
    }

    private func reason(of error: SocketError) -> String {
        lacksRoute(error) ? "no route leads to it" : "\(error.cause)"
    }

    private func hint(after error: SocketError) -> String? {
        lacksRoute(error) ? "Name an interface: \(command("\(address)%eth0"))." : nil
    }

    private func lacksRoute(_ error: SocketError) -> Bool {
        zone == nil && error.errno == .operationNotSupportedByDevice
    }

    /// Removes the interface from each word that has one, and returns the first of these
    /// interfaces.
    ///
    /// The words must not name a Unix socket, because its path may contain a `%`.
    static func takeInterface(from words: inout [String]) -> String? {
        let interfaces = words.indices.map { takeInterface(from: &words[$0]) }
        return interfaces.compactMap(\.self).first
    }

    /// Removes the interface from a word such as `239.1.1.1%eth0` or `239.1.1.1%eth0:5000`, and
    /// returns it.
    ///
    /// The address parser accepts a `%` only after an IPv6 address, because IPv4 addresses have no
    /// zone.
    static func takeInterface(from word: inout String) -> String? {
        guard let sign = word.firstIndex(of: "%") else { return nil }
        let scheme = ["udp://", "tcp://"].first { word.hasPrefix($0) } ?? ""
        let host = word[..<sign].dropFirst(scheme.count)
        guard IPv4Address(String(host))?.isMulticast == true else { return nil }
        let end = word[sign...].firstIndex(of: ":") ?? word.endIndex
        let interface = String(word[word.index(after: sign)..<end])
        word.removeSubrange(sign..<end)
        return interface
    }
}
