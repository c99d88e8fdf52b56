/// The destination that a proxy must reach, in the form that requests to the proxy use.
struct ProxyTarget: Hashable, Sendable {
    enum Host: Hashable {
        case address(IPAddress)
        /// The name in its ASCII form, of at most 254 bytes.
        case name(String)
    }

    let host: Host
    let port: UInt16
}

// MARK: Requests

extension ProxyTarget {
    /// The SOCKS5 request (RFC 1928, section 4).
    var socks5Request: [UInt8] {
        var request: [UInt8] = [5, 1, 0]
        switch host {
        case .address(.v4(let address)):
            request.append(1)
            request += address.bits.bytes(.bigEndian)
        case .address(.v6(let address)):
            request.append(4)
            request += address.high.bytes(.bigEndian)
            request += address.low.bytes(.bigEndian)
        case .name(let name):
            request += [3, UInt8(name.utf8.count)]
            request += name.utf8
        }
        return request + port.bytes(.bigEndian)
    }

    /// Returns the SOCKS4 request for an address, or the SOCKS4a request for a name.
    ///
    /// The address must be an IPv4 address.
    func socks4Request(user: String) -> [UInt8] {
        var request: [UInt8] = [4, 1]
        request += port.bytes(.bigEndian)
        var name: [UInt8] = []
        switch host {
        case .address(.v4(let address)): request += address.bits.bytes(.bigEndian)
        case .address(.v6): preconditionFailure("SOCKS4 has no IPv6 addresses")
        case .name(let text):
            // An address 0.0.0.x, where x is not 0, announces a name.
            request += [0, 0, 0, 1]
            name = text.utf8 + [0]
        }
        request += user.utf8
        request.append(0)
        return request + name
    }

    /// Returns the HTTP request CONNECT (RFC 9110, section 9.3.6), with credentials in the Basic
    /// scheme (RFC 7617).
    func httpRequest(user: String?, password: String) -> [UInt8] {
        let place: String =
            switch host {
            case .address(let address): "\(SocketAddress(address, port: port))"
            case .name(let name): "\(name):\(port)"
            }
        var request = "CONNECT \(place) HTTP/1.1\r\nHost: \(place)\r\n"
        if let user {
            let credentials = Base64.text(of: Array("\(user):\(password)".utf8))
            request += "Proxy-Authorization: Basic \(credentials)\r\n"
        }
        return Array("\(request)\r\n".utf8)
    }
}
