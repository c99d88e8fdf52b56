import Sockets
import Testing

@Suite("IPv6Address")
struct IPv6AddressTests {
    @Test("two 64-bit halves and sixteen bytes create equal addresses")
    func halvesAndBytesAreTheSame() throws {
        let address = IPv6Address(high: 0x2001_0DB8_0000_0000, low: 7)
        let bytes: [UInt8] = [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]
        #expect(address.bytes == bytes)
        #expect(try #require(IPv6Address(bytes: bytes)) == address)
    }

    @Test("init(bytes:) returns nil unless given exactly 16 bytes", arguments: [0, 4, 15, 17, 128])
    func onlySixteenBytesMakeAnAddress(count: Int) {
        #expect(IPv6Address(bytes: Array(repeating: 0, count: count)) == nil)
    }

    @Test("ipv4Mapped returns an IPv4 address only for a mapped address")
    func mappedAddresses() {
        let mapped = IPv6Address(mapping: IPv4Address(192, 0, 2, 7))
        #expect(mapped.high == 0 && mapped.low == 0xFFFF_C000_0207)
        #expect(mapped.ipv4Mapped == IPv4Address(192, 0, 2, 7))
        #expect(IPv6Address.loopback.ipv4Mapped == nil)
        #expect(IPv6Address(high: 1, low: 0xFFFF_C000_0207).ipv4Mapped == nil)
        #expect(IPv6Address(high: 0, low: 0x1FFFF_C000_0207).ipv4Mapped == nil)
    }

    @Test("addresses that differ only in their zones are not equal")
    func theZoneIsPartOfTheValue() throws {
        let plain = try #require(IPv6Address("fe80::1"))
        let zoned = try #require(IPv6Address("fe80::1%eth0"))
        #expect(plain != zoned)
        #expect(plain < zoned)
        #expect(zoned.zone == "eth0")
        #expect(zoned.bytes == plain.bytes)
    }

    @Test("IPv6 addresses sort numerically")
    func addressesSortAsNumbers() {
        #expect(IPv6Address(high: 0, low: .max) < IPv6Address(high: 1, low: 0))
        #expect(IPv6Address(high: 1, low: 1) < IPv6Address(high: 1, low: 2))
        #expect(!(IPv6Address.any < IPv6Address.any))
    }

    @Test("isLoopback is true for ::1 and mapped 127.0.0.0/8, and false for others")
    func loopback() {
        expect(\.isLoopback, ["::1", "::ffff:127.0.0.1"], not: ["::", "::2", "::ffff:1.0.0.1"])
    }

    @Test("isMulticast is true for ff00::/8 and mapped 224.0.0.0/4, and false for others")
    func multicast() {
        expect(\.isMulticast, ["ff00::", "ff02::1", "::ffff:224.0.0.1"], not: ["fe00::", "::1"])
    }

    @Test("isLinkLocal is true for fe80::/10 and mapped 169.254.0.0/16, and false for others")
    func linkLocal() {
        expect(
            \.isLinkLocal, ["fe80::", "febf:ffff::1", "fe80::1%lo", "::ffff:169.254.1.1"],
            not: ["fe7f::", "fec0::", "::1"])
    }

    @Test("isUniqueLocal is true for fc00::/7 and false for others")
    func uniqueLocal() {
        expect(
            \.isUniqueLocal, ["fc00::", "fdff::1"], not: ["fbff::", "fe00::", "::ffff:10.0.0.1"])
    }

    @Test("isUnspecified is true for :: and mapped 0.0.0.0, and false for others")
    func unspecified() {
        expect(\.isUnspecified, ["::", "::ffff:0.0.0.0"], not: ["::1", "1::"])
    }

    @Test("the well-known addresses match RFC 4291")
    func wellKnownAddresses() {
        #expect(IPv6Address.any.description == "::")
        #expect(IPv6Address.loopback.description == "::1")
    }

    @Test("addresses sort numerically, then by zone, with an absent zone first")
    func order() {
        let sorted = [
            IPv6Address(high: 0, low: 1), IPv6Address(high: 0, low: 1, zone: ""),
            IPv6Address(high: 0, low: 1, zone: "a"), IPv6Address(high: 0, low: 1, zone: "b"),
            IPv6Address(high: 0, low: 2), IPv6Address(high: 1, low: 0),
        ]
        for (left, one) in sorted.enumerated() {
            for (right, other) in sorted.enumerated() {
                #expect((one < other) == (left < right))
            }
        }
    }

    private func expect(
        _ property: KeyPath<IPv6Address, Bool>, _ yes: [String], not no: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for text in yes {
            #expect(
                IPv6Address(text)?[keyPath: property] == true, "\(text)",
                sourceLocation: sourceLocation)
        }
        for text in no {
            #expect(
                IPv6Address(text)?[keyPath: property] == false, "\(text)",
                sourceLocation: sourceLocation)
        }
    }
}
