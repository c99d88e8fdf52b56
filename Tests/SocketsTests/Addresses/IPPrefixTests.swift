import Sockets
import Testing

@Suite("IPPrefix")
struct IPPrefixTests {
    @Test(
        "first, last and masked have the values of Python's ipaddress",
        arguments: [
            ("10.1.2.3/8", "10.0.0.0", "10.255.255.255"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/31", "192.0.2.6", "192.0.2.7"),
            ("172.16.99.1/12", "172.16.0.0", "172.31.255.255"),
            ("1.2.3.4/0", "0.0.0.0", "255.255.255.255"),
            ("2001:db8::1/33", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"),
            ("fe80::1:2/64", "fe80::", "fe80::ffff:ffff:ffff:ffff"),
            ("2001:db8::ffff/127", "2001:db8::fffe", "2001:db8::ffff"),
            ("::ffff:10.1.2.3/104", "::ffff:10.0.0.0", "::ffff:10.255.255.255"),
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
        #expect(prefix.masked.masked == prefix.masked && prefix.masked.overlaps(prefix))
    }

    @Test("a length outside the version's range is rejected, and the zone is ignored")
    func creation() throws {
        let (four, six) = (IPAddress.v4(.loopback), try #require(IPAddress("fe80::1%lo")))
        #expect(IPPrefix(four, length: 32)?.description == "127.0.0.1/32")
        #expect(IPPrefix(four, length: 33) == nil && IPPrefix(four, length: -1) == nil)
        #expect(IPPrefix(six, length: 64)?.description == "fe80::1/64")
        #expect(IPPrefix(six, length: 129) == nil && IPPrefix(six, length: .min) == nil)
    }

    @Test("prefixes with different host bits are different values of the same range")
    func equality() throws {
        let (host, network) = (
            try IPPrefix(parsing: "10.1.2.3/8"), try IPPrefix(parsing: "10.0.0.0/8")
        )
        #expect(host != network && Set([host, network]).count == 2)
        #expect(host.masked == network && Set([host.masked, network]).count == 1)
        #expect(host.contains(network) && network.contains(host))
    }

    @Test("prefixes sort by version, then by address, then by length")
    func order() {
        let texts = [
            "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.0.0.1/0", "255.0.0.0/8", "::/0", "::/1",
            "::1/0", "2001:db8::/32",
        ]
        let prefixes = texts.compactMap { IPPrefix($0) }
        #expect(prefixes.count == texts.count)
        #expect(prefixes.reversed().sorted() == prefixes)
        for prefix in prefixes { #expect(!(prefix < prefix)) }
    }

    @Test("contains and overlaps compare the leading bits and the version")
    func containment() throws {
        let wide = try IPPrefix(parsing: "10.0.0.0/8")
        let narrow = try IPPrefix(parsing: "10.1.0.0/16")
        let everything = try IPPrefix(parsing: "::/0")
        #expect(wide.contains(narrow) && !narrow.contains(wide))
        #expect(wide.overlaps(narrow) && narrow.overlaps(wide))
        #expect(!wide.contains(.v4(IPv4Address(11, 0, 0, 0))))
        #expect(!narrow.overlaps(try IPPrefix(parsing: "10.2.0.0/16")))
        #expect(try IPPrefix(parsing: "0.0.0.0/0").contains(.v4(.broadcast)))
        #expect(everything.contains(try IPPrefix(parsing: "ff00::/8")))
        #expect(!everything.contains(.v4(.loopback)) && !everything.overlaps(wide))
        #expect(try IPPrefix(parsing: "fe80::/10").contains(#require(IPAddress("fe80::1%lo"))))
    }

    @Test("an IPv4-mapped address is in a version 4 range only after it is unmapped")
    func mapped() throws {
        let office = try IPPrefix(parsing: "10.0.0.0/8")
        let address = try #require(IPAddress("::ffff:10.1.2.3"))
        #expect(!office.contains(address) && office.contains(address.unmapped))
        #expect(try IPPrefix(parsing: "::ffff:10.0.0.0/104").contains(address))
    }

    @Test(
        "text that is not a prefix is rejected with an error that says what is wrong",
        arguments: [
            ("10.0.0.0", "expected / and a length after the address"),
            ("10.0.0.0/33", "expected a length from 0 to 32 in digits"),
            ("10.0.0.0/", "expected a length from 0 to 32 in digits"),
            ("10.0.0.0/08", "expected a length from 0 to 32 in digits"),
            ("10.0.0.0/+8", "expected a length from 0 to 32 in digits"),
            ("10.0.0.0/8 ", "expected a length from 0 to 32 in digits"),
            ("10.0.0.0/1000", "expected a length from 0 to 32 in digits"),
            ("10.0.0.0/٨", "expected a length from 0 to 32 in digits"),
            ("10.0.0.0/255.0.0.0", "expected a length from 0 to 32 in digits"),
            ("::/129", "expected a length from 0 to 128 in digits"),
            ("fe80::1%eth0/64", "a prefix has no zone, so remove % and the name after it"),
            ("fe80::1%eth0", "expected / and a length after the address"),
            ("10.0.0.0/8/8", "expected an address, / and a length, such as 10.0.0.0/8"),
            ("010.0.0.0/8", "expected an address, / and a length, such as 10.0.0.0/8"),
            ("[::1]/128", "expected an address, / and a length, such as 10.0.0.0/8"),
            ("/8", "expected an address, / and a length, such as 10.0.0.0/8"),
            ("", "expected an address, / and a length, such as 10.0.0.0/8"),
            ("host/8", "expected an address, / and a length, such as 10.0.0.0/8"),
        ])
    func faults(text: String, reason: String) {
        #expect(IPPrefix(text) == nil)
        let error = #expect(throws: SocketError.self) { try IPPrefix(parsing: text) }
        #expect(error?.description == "cannot parse prefix '\(text)': \(reason)")
    }

    @Test("a prefix whose address is not valid is rejected")
    func hostileAddresses() {
        let texts = HostileInput.ipv4Addresses + HostileInput.ipv6Addresses
        let accepted = texts.filter { IPAddress($0) == nil && IPPrefix($0 + "/0") != nil }
        #expect(accepted == [])
    }

    @Test("every mutated text that parses round-trips through its description")
    func acceptedTextRoundTrips() {
        var texts = MutatedText(
            of: [
                "10.1.2.3/8", "0.0.0.0/0", "2001:db8::1/33", "::ffff:1.2.3.4/128", "fe80::1%a/64",
            ],
            seed: 20)
        var accepted = 0
        var wrong: [IPPrefix] = []
        for _ in 0..<50_000 {
            guard let prefix = IPPrefix(texts.next()) else { continue }
            accepted += 1
            if IPPrefix(prefix.description) != prefix || !prefix.contains(prefix.last) {
                wrong.append(prefix)
            }
        }
        #expect(wrong == [])
        #expect(accepted > 5_000)
    }
}
