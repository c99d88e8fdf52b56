import Glibc
import Sockets

/// Passes an input to every parser of addresses.
///
/// No parser may trap. A parsed value prints as text that parses to the same value. Printed text is safe
/// in a terminal. The C library accepts the same addresses.
func checkAddresses(_ input: [UInt8]) {
    let text = String(decoding: input, as: UTF8.self)

    checkAgainstC(text)
    checkRoundTrip(IPv4Address.init, text)
    checkRoundTrip(IPv6Address.init, text)
    checkRoundTrip(IPAddress.init, text)
    checkRoundTrip(SocketAddress.init, text)
    checkRoundTrip(IPPrefix.init, text)
    checkPrefix(text)

    for transport in [Transport.tcp, .udp, .unix] {
        checkEndpoint(text, transport)
    }
    checkPort(text)
    if let port = Port.number(parsing: text) {
        require(Int(text) == Int(port), "a port number differs from its text", text)
    }
    for endpoint in [
        Endpoint.tcp(text, port: 80), .udp(text, port: Port(service: text)), .unix(text),
        .unixDatagram(text),
    ] {
        requirePrintable(endpoint.description, text)
    }
    for address in [UnixAddress(pathBytes: input), UnixAddress(abstractBytes: input)] {
        guard let address else { continue }
        require(address.bytes == input, "a Unix address has other bytes", text)
        requirePrintable(address.description, text)
    }
}

private func checkEndpoint(_ text: String, _ transport: Transport) {
    do throws(SocketError) {
        let endpoint = try Endpoint(parsing: text, transport: transport)
        requirePrintable(endpoint.description, text)
    } catch {
        requireInvalidInput(error, text)
    }
}

private func checkPort(_ text: String) {
    do throws(SocketError) {
        let port = try Port(parsing: text)
        require(
            port.number == Port.number(parsing: text),
            "Port(parsing:) and Port.number(parsing:) disagree", text)
        requirePrintable(port.description, text)
    } catch {
        requireInvalidInput(error, text)
    }
}

private func checkPrefix(_ text: String) {
    do throws(SocketError) {
        let prefix = try IPPrefix(parsing: text)
        require(IPPrefix(text) == prefix, "IPPrefix(parsing:) and IPPrefix(_:) disagree", text)
        require(
            prefix.contains(prefix.first) && prefix.contains(prefix.last)
                && prefix.masked.contains(prefix),
            "\(prefix) does not contain its own addresses", text)
    } catch {
        require(IPPrefix(text) == nil, "IPPrefix(parsing:) and IPPrefix(_:) disagree", text)
        requireInvalidInput(error, text)
    }
}

/// Requires that the error is `invalidInput` and that its description is one printable line.
private func requireInvalidInput(_ error: SocketError, _ text: String) {
    guard case .invalidInput = error.cause else {
        fatalError("\(error): not an invalid input: \(text.debugDescription)")
    }
    requirePrintable(error.description, text)
}

private func checkAgainstC(_ text: String) {
    // The C function stops at a NUL and does not support zones.
    guard !text.utf8.contains(0), !text.utf8.contains(UInt8(ascii: "%")) else { return }

    var four = in_addr()
    let theirFour =
        inet_pton(AF_INET, text, &four) == 1 ? UInt32(bigEndian: four.s_addr) : nil
    require(IPv4Address(text)?.bits == theirFour, "inet_pton returns another IPv4 address", text)

    var six = in6_addr()
    let theirSix =
        inet_pton(AF_INET6, text, &six) == 1 ? withUnsafeBytes(of: six) { Array($0) } : nil
    require(IPv6Address(text)?.bytes == theirSix, "inet_pton returns another IPv6 address", text)
}

private func checkRoundTrip<Value: LosslessStringConvertible & Equatable>(
    _ parse: (String) -> Value?, _ text: String
) {
    guard let value = parse(text) else { return }
    requirePrintable(value.description, text)
    require(parse(value.description) == value, "\(value) does not parse to itself", text)
}
