import Sockets
import Testing

@Suite("Ranges of addresses")
struct IPAddressRangesTests {
    /// Lists of properties, each with the addresses that have exactly these properties.
    ///
    /// The values are those of Python 3.14's `ipaddress`, except that `documentation`, `shared` and
    /// `private` are the ranges of their RFCs. Python does not yet contain three entries of the
    /// registry: 100:0:0:1::/64 (RFC 9780), 2001:1::3 (RFC 9665) and 5f00::/16 (RFC 9602).
    private static let classes: [(String, String)] = [
        (
            "",
            """
            0.255.255.255 192.0.0.0 192.0.0.8 192.0.0.11 192.0.0.170 192.0.0.171 192.0.0.255 \
            198.18.0.0 198.19.255.255
            """
        ),
        (
            "documentation",
            """
            192.0.2.0 192.0.2.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255
            """
        ),
        (
            "global",
            """
            1.0.0.0 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 \
            126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 \
            191.255.255.255 192.0.0.9 192.0.0.10 192.0.1.0 192.0.1.255 192.0.3.0 \
            192.31.196.1 192.52.193.1 192.88.99.1 192.175.48.1 192.167.255.255 192.169.0.0 \
            198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 \
            223.255.255.255
            """
        ),
        (
            "link-local",
            """
            169.254.0.0 169.254.255.255
            """
        ),
        (
            "loopback",
            """
            127.0.0.0 127.255.255.255
            """
        ),
        (
            "multicast global",
            """
            224.0.0.0 239.255.255.255
            """
        ),
        (
            "private",
            """
            10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255
            """
        ),
        (
            "reserved",
            """
            240.0.0.0 255.255.255.254 255.255.255.255
            """
        ),
        (
            "shared",
            """
            100.64.0.0 100.127.255.255
            """
        ),
        ("unspecified", "0.0.0.0"),
        (
            "",
            """
            2001:: 2001:0:1::1 2001:1:: 2001:1::4 2001:2::1 2001:4:111::1 2001:4:113:: \
            2001:10::1 2001:1f:: 2001:40:: 2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2002:: \
            2002:a00:1:: 2002:ffff:ffff::1 ::ffff:198.18.0.1
            """
        ),
        (
            "documentation",
            """
            ::ffff:192.0.2.1 2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 3fff:: \
            3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff ::ffff:203.0.113.9
            """
        ),
        (
            "global",
            """
            ::ffff:8.8.8.8 ::ffff:192.0.0.9 2000::1 2001:1::1 2001:1::2 2001:1::3 2001:3:: \
            2001:3:ffff::1 2001:4:112:: 2001:4:112:ffff::1 2001:20:: 2001:2f:ffff::1 \
            2001:30:: 2001:3f:ffff::1 2001:200:: 2001:4860:4860::8888 2001:db7:ffff::1 \
            2001:db9:: 2003:: 2620:4f:8000::1 3ffe:ffff::1 3fff:1000::
            """
        ),
        (
            "link-local",
            """
            ::ffff:169.254.1.1 fe80:: fe80::1 febf:ffff::1
            """
        ),
        ("loopback", "::ffff:127.0.0.1"),
        ("loopback reserved", "::1"),
        (
            "multicast global",
            """
            ::ffff:224.0.0.1 ff00:: ff02::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
            """
        ),
        (
            "private",
            """
            ::ffff:10.0.0.1 fc00:: fdff:ffff::1
            """
        ),
        (
            "reserved",
            """
            ::ffff:255.255.255.255 64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff 100:: \
            100::ffff:ffff:ffff:ffff 100:0:0:1:: 5f00:: \
            5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff 100:0:0:1:ffff:ffff:ffff:ffff \
            ::ffff:240.0.0.1
            """
        ),
        (
            "reserved global",
            """
            ::2 ::fffe:10.0.0.1 ::10.0.0.1 64:ff9b::1 64:ff9b::10.0.0.1 \
            64:ff9b:0:ffff:ffff:ffff:ffff:ffff 64:ff9b:2:: 100:0:0:2:: 1fff:ffff::1 4000:: \
            5eff:ffff::1 5f01:: fbff:: fe00:: fe7f:ffff::1
            """
        ),
        ("shared", "::ffff:100.64.0.1"),
        (
            "site-local global",
            """
            fec0:: feff:ffff::1
            """
        ),
        ("unspecified", "::ffff:0.0.0.0"),
        ("unspecified reserved", "::"),
    ]

    @Test("each property is true within its ranges and false outside", arguments: classes)
    func properties(expected: String, addresses: String) throws {
        for text in addresses.split(separator: " ") {
            let address = try #require(IPAddress(String(text)), "\(text)")
            #expect(Self.properties(of: address) == expected, "\(text)")
            // A zone changes no property.
            guard case .v6(var zoned) = address else { continue }
            zoned.zone = "lo"
            #expect(Self.properties(of: .v6(zoned)) == expected, "\(text)%lo")
        }
    }

    @Test("IPv4Address and IPv6Address have the same properties as IPAddress", arguments: classes)
    func versions(expected: String, addresses: String) throws {
        for text in addresses.split(separator: " ") {
            switch try #require(IPAddress(String(text))) {
            case .v4(let address):
                #expect(address.isGlobal == expected.contains("global"), "\(text)")
                #expect(address.isReserved == expected.contains("reserved"), "\(text)")
                #expect(address.isShared == expected.contains("shared"), "\(text)")
                #expect(address.isDocumentation == expected.contains("documentation"), "\(text)")
            case .v6(let address):
                #expect(address.isGlobal == expected.contains("global"), "\(text)")
                #expect(address.isReserved == expected.contains("reserved"), "\(text)")
                #expect(address.isDocumentation == expected.contains("documentation"), "\(text)")
            }
        }
    }

    private static func properties(of address: IPAddress) -> String {
        var isSiteLocal = false
        if case .v6(let address) = address { isSiteLocal = address.isSiteLocal }
        let properties = [
            (address.isUnspecified, "unspecified"), (address.isLoopback, "loopback"),
            (address.isMulticast, "multicast"), (address.isLinkLocal, "link-local"),
            (isSiteLocal, "site-local"), (address.isReserved, "reserved"),
            (address.isDocumentation, "documentation"), (address.isPrivate, "private"),
            (address.isShared, "shared"), (address.isGlobal, "global"),
        ]
        return properties.filter(\.0).map(\.1).joined(separator: " ")
    }
}
