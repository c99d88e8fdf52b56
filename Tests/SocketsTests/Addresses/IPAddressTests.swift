import Sockets
import Testing

@Suite("IPAddress")
struct IPAddressTests {
    @Test("an address of either version parses and prints in its usual form")
    func bothVersionsParse() {
        #expect(IPAddress("192.0.2.7") == .v4(IPv4Address(192, 0, 2, 7)))
        #expect(IPAddress("::1") == .v6(.loopback))
        #expect(IPAddress("192.0.2.7")?.description == "192.0.2.7")
        #expect(IPAddress("2001:DB8::7")?.description == "2001:db8::7")
    }

    @Test(
        "text with a name, brackets, a port or a prefix length is rejected as an IP address",
        arguments: ["localhost", "[::1]", "1.2.3.4:80", "::/0", "10.0.0.0/8", "", " "])
    func otherTextIsRejected(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("IPAddress.family returns the version of the address")
    func familyIsTheVersion() {
        #expect(IPAddress.v4(.any).family == .ipv4)
        #expect(IPAddress.v6(.any).family == .ipv6)
    }

    @Test("unmapped turns an IPv4-mapped address into IPv4 and returns other addresses unchanged")
    func unmapping() {
        #expect(IPAddress("::ffff:192.0.2.7")?.unmapped == IPAddress("192.0.2.7"))
        #expect(IPAddress.v6(.loopback).unmapped == .v6(.loopback))
        #expect(IPAddress.v4(.loopback).unmapped == .v4(.loopback))
    }

    @Test(
        "the address properties classify addresses of both versions",
        arguments: [
            ("0.0.0.0", "unspecified"), ("::", "unspecified"), ("127.0.0.1", "loopback"),
            ("::1", "loopback"), ("224.0.0.1", "multicast"), ("ff02::1", "multicast"),
            ("169.254.0.1", "link-local"), ("fe80::1", "link-local"), ("10.0.0.1", "private"),
            ("fd00::1", "private"), ("::ffff:10.0.0.1", "private"), ("192.0.2.7", ""),
            ("2001:db8::7", ""),
        ])
    func propertiesOfBothVersions(text: String, expected: String) throws {
        let address = try #require(IPAddress(text))
        let properties = [
            (address.isUnspecified, "unspecified"), (address.isLoopback, "loopback"),
            (address.isMulticast, "multicast"), (address.isLinkLocal, "link-local"),
            (address.isPrivate, "private"),
        ]
        #expect(properties.filter(\.0).map(\.1).joined() == expected)
    }

    @Test("IPv4 addresses sort before IPv6 addresses, and each version sorts numerically")
    func sorting() {
        let texts = ["9.0.0.1", "10.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::7"]
        let addresses = texts.compactMap(IPAddress.init)
        #expect(addresses.reversed().sorted() == addresses)
        #expect(addresses.count == texts.count)
    }
}
