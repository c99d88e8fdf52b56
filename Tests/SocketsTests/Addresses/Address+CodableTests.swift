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
        try roundTrip(Endpoint.udp("localhost", port: 53), "udp://localhost:53")
    }

    @Test("decoding other text throws a DecodingError that names the text")
    func otherText() {
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([IPv4Address].self, from: Data(#"["1.2.3"]"#.utf8))
        }
        guard case .dataCorrupted(let context)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(context.debugDescription == "cannot decode '1.2.3': expected an IPv4 address")
    }

    @Test("encoding a zone that cannot be decoded throws an EncodingError")
    func invalidZone() {
        let address = IPv6Address(high: 0xFE80 << 48, low: 1, zone: "a b")
        #expect(throws: EncodingError.self) { try JSONEncoder().encode([address]) }
    }
}
