/// The proxies that the variables of an environment specify.
///
/// ``Proxy/fromEnvironment`` describes the variables.
struct ProxyEnvironment: Sendable {
    /// Returns the value of a variable, or `nil` if the variable is not set or is empty.
    let value: @Sendable (String) -> String?

    /// The environment of this process.
    static let process = ProxyEnvironment { System.getenv($0) }

    /// Returns the proxy for a destination, or `nil` for a direct connect.
    ///
    /// - Throws: ``SocketError/Cause/invalidInput(_:)`` if the value of the variable is malformed.
    func server(for destination: Endpoint) throws(SocketError) -> ProxyServer? {
        guard destination.transport == .tcp, let host = destination.host, !host.isEmpty else {
            return nil
        }
        if case .v6(let address)? = IPAddress(host), address.zone != nil { return nil }
        let port = destination.port.flatMap(Self.number)
        for name in names(for: port) {
            guard let text = value(name) else { continue }
            if isExcluded(host, port) { return nil }
            return try ProxyServer(parsing: text, from: name)
        }
        return nil
    }

    /// Returns the names of the variables for a port, in the order in which they are read.
    private func names(for port: UInt16?) -> [String] {
        var names: [String] = []
        switch port {
        case 80:
            names = ["http_proxy"]
            // A web server passes a client's header `Proxy` to a CGI program as this variable.
            if value("REQUEST_METHOD") == nil { names.append("HTTP_PROXY") }
        case 443: names = ["https_proxy", "HTTPS_PROXY"]
        default: break
        }
        return names + ["all_proxy", "ALL_PROXY"]
    }

    /// Returns the number of a port, or `nil` if only a lookup of the service can tell it.
    private static func number(of port: Port) -> UInt16? {
        switch port.service {
        case "http": 80
        case "https": 443
        default: port.number
        }
    }

    /// Returns whether `no_proxy` or `NO_PROXY` lists a destination.
    private func isExcluded(_ host: String, _ port: UInt16?) -> Bool {
        guard let list = value("no_proxy") ?? value("NO_PROXY") else { return false }
        let host = Self.comparable(host)
        let entries = list.utf8.split { ", \t\r\n".utf8.contains($0) }
        return entries.contains { Self.matches(String(Substring($0)), host, port) }
    }

    private static func matches(_ entry: String, _ host: String, _ port: UInt16?) -> Bool {
        if entry == "*" { return true }
        let address = IPAddress(host)?.unmapped
        if let prefix = IPPrefix(entry) { return address.map(prefix.contains) ?? false }
        var place = entry
        if IPAddress(entry) == nil, let colon = entry.utf8.lastIndex(of: UInt8(ascii: ":")),
            let wanted = Port.number(parsing: String(entry[colon...].utf8.dropFirst()) ?? "")
        {
            guard wanted == port else { return false }
            place = String(entry[..<colon])
        }
        if place.hasPrefix("["), place.hasSuffix("]") {
            place = String(place.dropFirst().dropLast())
        }
        // An address is not a name, so `0.0.1` does not match `127.0.0.1`.
        if let address { return IPAddress(place)?.unmapped == address }
        let name = comparable(place.hasPrefix(".") ? String(place.dropFirst()) : place)
        return !name.isEmpty && (host == name || host.hasSuffix(".\(name)"))
    }

    /// Returns the host in lower case and without a final dot.
    private static func comparable(_ host: String) -> String {
        let name = host.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}
