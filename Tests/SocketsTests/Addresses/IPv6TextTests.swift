import Sockets
import Testing

@Suite("IPv6 text")
struct IPv6TextTests {
    /// The examples of RFC 5952, sections 1 to 5, and of RFC 4291, section 2.2.
    private static let examples = [
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8::1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:0db8::1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8:0:0:1::1", "2001:db8::1:0:0:1"),
        ("2001:db8:0000:0:1::1", "2001:db8::1:0:0:1"),
        ("2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"),
        ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"),
        ("2001:db8:aaaa:bbbb:cccc:dddd::1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1"),
        ("2001:db8:aaaa:bbbb:cccc:dddd:0:1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1"),
        ("2001:db8:0:0:0::1", "2001:db8::1"),
        ("2001:db8:0:0::1", "2001:db8::1"),
        ("2001:db8:0::1", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:db8::aaaa:0:0:1", "2001:db8::aaaa:0:0:1"),
        ("2001:db8:0:0:aaaa::1", "2001:db8::aaaa:0:0:1"),
        ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:aAaA", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa"),
        ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:AAAA", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa"),
        ("2001:db8::0:1", "2001:db8::1"),
        ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("::ffff:c000:201", "::ffff:192.0.2.1"),
        ("ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"),
        ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"),
        ("FF01:0:0:0:0:0:0:101", "ff01::101"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("0:0:0:0:0:0:0:0", "::"),
        ("0:0:0:0:0:0:13.1.68.3", "::d01:4403"),
        ("0:0:0:0:0:FFFF:129.144.52.38", "::ffff:129.144.52.38"),
        ("1::", "1::"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:0:0:4:0:0:7:8", "1::4:0:0:7:8"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ]

    @Test(
        "every text form of an address parses, and the address prints in canonical form",
        arguments: examples)
    func everyFormIsPrintedCanonically(text: String, canonical: String) throws {
        let address = try #require(IPv6Address(text))
        #expect(address.description == canonical)
        #expect(IPv6Address(canonical) == address)
        #expect(CLibrary.ipv6(text) == address.bytes)
    }

    @Test(
        "a zone can be the name or the index of an interface",
        arguments: [
            "lo", "eth0", "2", "wlp3s0.100", "abcdefghijklmno", "br-1234567890ab", "größe0",
        ])
    func aZoneIsAnInterface(zone: String) throws {
        let address = try #require(IPv6Address("FE80::1%" + zone))
        #expect(address.zone == zone)
        #expect(address.description == "fe80::1%" + zone)
    }

    @Test("a zone with a backslash round-trips unchanged")
    func zoneWithABackslashRoundTrips() throws {
        let address = try #require(IPv6Address("fe80::1%a\\x0cb"))
        #expect(address.zone == "a\\x0cb")
        #expect(IPv6Address(address.description) == address)
    }

    @Test("control characters in a zone print as escapes")
    func aWrongZoneIsPrintedEscaped() {
        let address = IPv6Address(high: 0xFE80 << 48, low: 1, zone: "\u{1b}[31m")
        #expect(address.description == "fe80::1%\\x1b[31m")
    }

    @Test("text that is not an IPv6 address is rejected")
    func otherTextIsRejected() {
        let accepted = HostileInput.ipv6Addresses.filter { IPv6Address($0) != nil }
        #expect(accepted == [])
    }

    @Test("random addresses round-trip through their text and through the C library")
    func randomAddressesRoundTrip() {
        var generator = SeededGenerator(seed: 6)
        var wrong: [String] = []
        for _ in 0..<20_000 {
            let address = Self.random(using: &generator)
            let text = address.description
            let cText = CLibrary.ipv6(of: address.bytes)
            if IPv6Address(text) != address || CLibrary.ipv6(text) != address.bytes
                || IPv6Address(cText) != address
            {
                wrong.append(text)
            }
            // C still prints the deprecated IPv4-compatible addresses as `::1.2.3.4`.
            let isCompatible = address.high == 0 && address.low >> 32 == 0
            if !isCompatible, text != cText { wrong.append(text) }
        }
        #expect(wrong == [])
    }

    @Test("IPv6Address and the C library parse the same texts to the same addresses")
    func agreesWithC() {
        let seeds = [
            "::", "::1", "2001:db8::1:0:0:1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "fe80::1",
            "1:2:3:4:5:6:1.2.3.4", "1::8", "1:2:3:4:5:6:7::", "abcd:ef01:2345:6789::",
        ]
        var texts = MutatedText(of: seeds, seed: 66)
        var accepted = 0
        var wrong: [String] = []
        for _ in 0..<50_000 {
            let text = texts.next()
            // C's function does not support zones.
            if text.contains("%") { continue }
            let address = IPv6Address(text)
            if address?.bytes != CLibrary.ipv6(text) { wrong.append(text) }
            accepted += address == nil ? 0 : 1
        }
        #expect(wrong == [])
        #expect(accepted > 5_000)
    }

    /// An address in which groups of zeros, and runs of them, are frequent.
    private static func random(using generator: inout SeededGenerator) -> IPv6Address {
        var groups = (0..<8).map { _ in
            Bool.random(using: &generator)
                ? 0 : UInt64(UInt16.random(in: .min ... .max, using: &generator))
        }
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: groups.replaceSubrange(0..<6, with: [0, 0, 0, 0, 0, 0xFFFF])
        case 1: groups.replaceSubrange(0..<7, with: [0, 0, 0, 0, 0, 0, 0])
        default: break
        }
        return IPv6Address(
            high: groups[..<4].reduce(0) { $0 << 16 | $1 },
            low: groups[4...].reduce(0) { $0 << 16 | $1 })
    }
}
