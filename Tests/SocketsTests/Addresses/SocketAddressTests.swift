import Testing

@testable import Sockets

@Suite("SocketAddress")
struct SocketAddressTests {
    private static let samples: [(String, SocketAddress)] = [
        ("127.0.0.1:80", .ipv4(.loopback, port: 80)),
        ("0.0.0.0:0", .ipv4(.any, port: 0)),
        ("[::1]:65535", .ipv6(.loopback, port: 65535)),
        (
            "[fe80::1%eth0]:80",
            .ipv6(IPv6Address(high: 0xFE80 << 48, low: 1, zone: "eth0"), port: 80)
        ),
        ("[::ffff:192.0.2.7]:1", .ipv6(IPv6Address(mapping: IPv4Address(192, 0, 2, 7)), port: 1)),
        ("unnamed", .unnamed),
    ]

    private static let unixSamples: [(String, UnixAddress?)] = [
        ("/run/app.sock", UnixAddress(path: "/run/app.sock")),
        ("@name", UnixAddress(abstract: "name")),
        ("unix:app.sock", UnixAddress(path: "app.sock")),
        ("unix:\\x40name", UnixAddress(path: "@name")),
        ("/a\\xff\\x0a", UnixAddress(pathBytes: [0x2F, 0x61, 0xFF, 0x0A])),
        ("@\\x00", UnixAddress(abstractBytes: [0])),
        ("unix:unnamed", UnixAddress(path: "unnamed")),
        ("unix:\u{301}a", UnixAddress(path: "\u{301}a")),
        ("@\u{301}a", UnixAddress(abstract: "\u{301}a")),
        ("unix:\\x40\u{301}a", UnixAddress(path: "@\u{301}a")),
        ("/\u{338}", UnixAddress(path: "/\u{338}")),
        ("unix:1.2.3.4:80", UnixAddress(path: "1.2.3.4:80")),
    ]

    @Test("an address round-trips through its usual text", arguments: samples)
    func addressesRoundTrip(text: String, address: SocketAddress) {
        #expect(address.description == text)
        #expect(SocketAddress(text) == address)
    }

    @Test(
        "a Unix address round-trips through text without control characters", arguments: unixSamples
    )
    func unixTextAndAddressAreTheSame(text: String, unix: UnixAddress?) throws {
        let address = SocketAddress.unix(try #require(unix))
        #expect(address.description == text)
        #expect(SocketAddress(text) == address)
    }

    @Test(
        "a combining mark does not change whether a Unix address is a path or an abstract name",
        arguments: ["/\u{35C}a", "@\u{35C}a", "\u{35C}a"])
    func aCombiningMarkChangesNothing(name: String) throws {
        let path = SocketAddress.unix(try #require(UnixAddress(path: name)))
        #expect(SocketAddress(path.description) == path)
        let abstract = SocketAddress.unix(try #require(UnixAddress(abstract: name)))
        #expect(SocketAddress(abstract.description) == abstract)
    }

    @Test("a Unix address parses to the same address with and without a unix: prefix")
    func unixPrefix() {
        #expect(SocketAddress("unix:/run/app.sock") == SocketAddress("/run/app.sock"))
        #expect(SocketAddress("unix:@name") == SocketAddress("@name"))
    }

    @Test("text that is not an address with a port is rejected")
    func otherTextIsRejected() {
        let accepted = HostileInput.socketAddresses.filter { SocketAddress($0) != nil }
        #expect(accepted == [])
    }

    @Test("an Internet address has an IP address, a port and a family")
    func partsOfAnInternetAddress() {
        let address = SocketAddress(.v6(.loopback), port: 80)
        #expect(address.ip == .v6(.loopback))
        #expect(address.port == 80)
        #expect(address.family == .ipv6)
        #expect(SocketAddress(.v4(.loopback), port: 80).family == .ipv4)
    }

    @Test("Unix and unnamed addresses have neither an IP address nor a port")
    func otherAddressesHaveNoParts() throws {
        let unix = SocketAddress.unix(try #require(UnixAddress(path: "/a")))
        #expect(unix.ip == nil && unix.port == nil && unix.family == .unix)
        let unnamed = SocketAddress.unnamed
        #expect(unnamed.ip == nil && unnamed.port == nil && unnamed.family == nil)
    }

    @Test("unmapped turns a mapped address into IPv4 and returns other addresses unchanged")
    func unmapping() {
        let mapped = SocketAddress("[::ffff:192.0.2.7]:80")
        #expect(mapped?.unmapped.description == "192.0.2.7:80")
        #expect(SocketAddress("[::1]:80")?.unmapped == SocketAddress("[::1]:80"))
        #expect(SocketAddress.unnamed.unmapped == .unnamed)
    }

    @Test("with(port:) replaces a port and leaves addresses without a port unchanged")
    func anotherPort() {
        #expect(SocketAddress.ipv4(.loopback, port: 1).with(port: 2) == .ipv4(.loopback, port: 2))
        #expect(SocketAddress("@a")?.with(port: 2) == SocketAddress("@a"))
    }

    @Test("every mutated text that parses round-trips through its description")
    func acceptedTextRoundTrips() {
        let seeds = Self.samples.map(\.0) + Self.unixSamples.map(\.0) + HostileInput.socketAddresses
        var texts = MutatedText(of: seeds, seed: 8)
        var accepted = 0
        var wrong: [SocketAddress] = []
        for _ in 0..<50_000 {
            guard let address = SocketAddress(texts.next()) else { continue }
            accepted += 1
            let text = address.description
            if SocketAddress(text) != address
                || !text.unicodeScalars.allSatisfy(TerminalText.isSafe)
            {
                wrong.append(address)
            }
        }
        #expect(wrong == [])
        #expect(accepted > 5_000)
    }
}
