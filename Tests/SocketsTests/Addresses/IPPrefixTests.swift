import Sockets
import Testing

@Suite("IPPrefix")
struct IPPrefixTests {
    @Test(
        "a prefix has the first and last address and the masked form that Python's ipaddress has",
        arguments: [
            ("10.1.2.3/8", "10.0.0.0", "10.255.255.255"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.7"),
            ("1.2.3.4/0", "0.0.0.0", "255.255.255.255"),
            ("2001:db8::1/33", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"),
            ("::1/128", "::1", "::1"),
            ("::1/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ])
    func ends(text: String, first: String, last: String) throws {
        let prefix = try IPPrefix(parsing: text)
        #expect(prefix.description == text)
        #expect(prefix.first.description == first)
        #expect(prefix.last.description == last)
        #expect(prefix.masked.description == "\(first)/\(prefix.length)")
        #expect(prefix.contains(prefix.first) && prefix.contains(prefix.last))
    }

    @Test("contains and overlaps compare the leading bits of addresses of one version")
    func containment() throws {
        let wide = try IPPrefix(parsing: "10.0.0.0/8")
        let narrow = try IPPrefix(parsing: "10.1.0.0/16")
        let everything = try IPPrefix(parsing: "::/0")
        #expect(wide.contains(narrow) && !narrow.contains(wide))
        #expect(wide.overlaps(narrow) && narrow.overlaps(wide))
        #expect(!wide.contains(.v4(IPv4Address(11, 0, 0, 0))))
        #expect(!everything.contains(.v4(.loopback)) && !everything.overlaps(wide))
        #expect(try IPPrefix(parsing: "fe80::/10").contains(#require(IPAddress("fe80::1%lo"))))
        #expect(wide < narrow && narrow < everything)
    }

    @Test(
        "text that is not a prefix is rejected with an error that says what is wrong",
        arguments: [
            ("10.0.0.0", "expected / and a length after the address"),
            ("10.0.0.0/33", "expected a length from 0 to 32 in digits"),
            ("10.0.0.0/08", "expected a length from 0 to 32 in digits"),
            ("10.0.0.0/255.0.0.0", "expected a length from 0 to 32 in digits"),
            ("::/129", "expected a length from 0 to 128 in digits"),
            ("fe80::1%eth0/64", "a prefix has no zone, so remove % and the name after it"),
            ("host/8", "expected an address, / and a length, such as 10.0.0.0/8"),
        ])
    func faults(text: String, reason: String) {
        #expect(IPPrefix(text) == nil)
        let error = #expect(throws: SocketError.self) { try IPPrefix(parsing: text) }
        #expect(error?.description == "cannot parse prefix '\(text)': \(reason)")
    }

    @Test(
        "the special ranges are those of Python's ipaddress",
        arguments: [
            ("8.8.8.8", true), ("10.0.0.1", false), ("100.64.0.1", false), ("192.0.0.9", true),
            ("192.0.0.8", false), ("224.0.0.1", true), ("240.0.0.1", false),
            ("2001:4860::1", true), ("2001:1::1", true), ("2001:1::3", false),
            ("2001:db8::1", false), ("fe80::1", false), ("::ffff:8.8.8.8", true),
        ])
    func global(text: String, isGlobal: Bool) throws {
        #expect(try #require(IPAddress(text)).isGlobal == isGlobal)
    }
}
