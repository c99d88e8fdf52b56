import Foundation
import Sockets
import Testing

@Suite("Coding of addresses")
struct AddressCodableTests {
    private func roundTrip<Value: Codable & Equatable>(_ value: Value, _ text: String) throws {
        let data = try JSONEncoder().encode([value])
        #expect(try JSONDecoder().decode([String].self, from: data) == [text])
        #expect(try JSONDecoder().decode([Value].self, from: data) == [value])
    }

    @Test("each type is encoded as its text and decoded from it")
    func roundTrips() throws {
        try roundTrip(IPv4Address.loopback, "127.0.0.1")
        try roundTrip(IPv6Address(high: 0xFE80 << 48, low: 1, zone: "lo"), "fe80::1%lo")
        try roundTrip(IPAddress.v6(.loopback), "::1")
        try roundTrip(IPPrefix(parsing: "10.1.2.3/8"), "10.1.2.3/8")
        try roundTrip(Sockets.SocketAddress.ipv6(.loopback, port: 80), "[::1]:80")
        try roundTrip(#require(UnixAddress(path: "@a")), "unix:\\x40a")
        try roundTrip(#require(UnixAddress(pathBytes: [0x2F, 0xFF])), "/\\xff")
        try roundTrip(#require(UnixAddress(abstract: "a")), "@a")
        try roundTrip(Sockets.SocketAddress.unnamed, "unnamed")
        try roundTrip(Endpoint.udp("localhost", port: 53), "udp://localhost:53")
        try roundTrip(Endpoint.tcp("::1", port: "http"), "[::1]:http")
        try roundTrip(Endpoint.tcp("unix", port: 80), "tcp://unix:80")
        try roundTrip(Endpoint.unix("//a b"), "unix:////a b")
        try roundTrip(Endpoint.unixDatagram("@a"), "unixgram:@a")
    }

    @Test(
        "decoding other text throws a DecodingError that names the text and what was expected")
    func otherText() throws {
        let texts = [
            try fault(of: IPv4Address.self, in: "1.2.3"),
            try fault(of: IPv6Address.self, in: "1.2.3.4"),
            try fault(of: IPAddress.self, in: "localhost"),
            try fault(of: IPPrefix.self, in: "10.0.0.0/33"),
            try fault(of: Sockets.SocketAddress.self, in: "localhost:80"),
            try fault(of: UnixAddress.self, in: "1.2.3.4:80"),
            try fault(of: Endpoint.self, in: "localhost:99999"),
        ]
        let expected = [
            "cannot decode '1.2.3': expected an IPv4 address",
            "cannot decode '1.2.3.4': expected an IPv6 address",
            "cannot decode 'localhost': expected an IP address",
            "cannot parse prefix '10.0.0.0/33': expected a length from 0 to 32 in digits",
            "cannot decode 'localhost:80': expected an address and a port, or a Unix address",
            "cannot decode '1.2.3.4:80': expected a Unix address",
            """
            cannot parse endpoint 'localhost:99999': '99999' is not a port: \
            expected 0 to 65535 in digits, or a service name
            """,
        ]
        #expect(texts == expected)
    }

    /// Returns the description of the error of decoding a text.
    private func fault<Value: Decodable>(of type: Value.Type, in text: String) throws -> String? {
        let data = try JSONEncoder().encode([text])
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([Value].self, from: data)
        }
        guard case .dataCorrupted(let context)? = error else { return nil }
        #expect(context.codingPath.count == 1)
        return context.debugDescription
    }

    @Test("decoding a number throws a DecodingError for the wrong type")
    func wrongType() {
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([IPv4Address].self, from: Data("[2130706433]".utf8))
        }
        guard case .typeMismatch? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("encoding a value whose text cannot be decoded throws an EncodingError")
    func undecodable() {
        let address = IPv6Address(high: 0xFE80 << 48, low: 1, zone: "a b")
        #expect(fault(of: address) == "cannot encode 'fe80::1%a b': expected an IPv6 address")
        #expect(fault(of: IPAddress.v6(address)) != nil)
        #expect(fault(of: Sockets.SocketAddress.ipv6(address, port: 1)) != nil)
        #expect(fault(of: Endpoint.tcp("a b", port: 80)) != nil)
        #expect(fault(of: Endpoint.unix("")) != nil)
    }

    /// Returns the description of the error of encoding a value.
    private func fault(of value: some Encodable) -> String? {
        let error = #expect(throws: EncodingError.self) { try JSONEncoder().encode([value]) }
        guard case .invalidValue(_, let context)? = error else { return nil }
        return context.debugDescription
    }
}
