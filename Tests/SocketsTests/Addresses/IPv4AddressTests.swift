import Sockets
import Testing

@Suite("IPv4Address")
struct IPv4AddressTests {
    @Test("octets, bits and text create equal addresses")
    func partsBitsAndTextAreTheSame() throws {
        let address = IPv4Address(192, 0, 2, 7)
        #expect(address.bits == 0xC000_0207)
        #expect(address.octets == (192, 0, 2, 7))
        #expect(address == IPv4Address(bits: 0xC000_0207))
        #expect(try #require(IPv4Address("192.0.2.7")) == address)
        #expect(address.description == "192.0.2.7")
    }

    @Test("the well-known addresses match RFC 1122")
    func wellKnownAddresses() {
        #expect(IPv4Address.any.description == "0.0.0.0")
        #expect(IPv4Address.loopback.description == "127.0.0.1")
        #expect(IPv4Address.broadcast.description == "255.255.255.255")
    }

    @Test("text that is not exactly four decimal parts is rejected")
    func otherTextIsRejected() {
        let accepted = HostileInput.ipv4Addresses.filter { IPv4Address($0) != nil }
        #expect(accepted == [])
    }

    @Test("random addresses round-trip through their text, which equals the C library's text")
    func randomAddressesRoundTrip() {
        var generator = SeededGenerator(seed: 4)
        var wrong: [IPv4Address] = []
        for _ in 0..<20_000 {
            let address = IPv4Address(bits: .random(in: .min ... .max, using: &generator))
            let text = address.description
            if IPv4Address(text) != address || CLibrary.ipv4(of: address.octets) != text {
                wrong.append(address)
            }
        }
        #expect(wrong == [])
    }

    @Test("IPv4Address accepts exactly the texts that the C library accepts")
    func agreesWithC() {
        var texts = MutatedText(
            of: ["127.0.0.1", "1.2.3.4", "255.255.255.255", "10.0.0.0"], seed: 44)
        var accepted = 0
        var wrong: [String] = []
        for _ in 0..<20_000 {
            let text = texts.next()
            let address = IPv4Address(text)
            if (address != nil) != CLibrary.isIPv4(text) { wrong.append(text) }
            if let address {
                accepted += 1
                if address.description != text { wrong.append(text) }
            }
        }
        #expect(wrong == [])
        #expect(accepted > 1_000)
    }

    @Test("IPv4 addresses sort numerically")
    func addressesSortAsNumbers() {
        #expect(IPv4Address(9, 0, 0, 0) < IPv4Address(10, 0, 0, 0))
        #expect(!(IPv4Address.any < IPv4Address.any))
    }

    @Test("isLoopback is true within 127.0.0.0/8 and false outside")
    func loopback() {
        expect(\.isLoopback, "127.0.0.0", "127.255.255.255", not: "126.255.255.255", "128.0.0.0")
    }

    @Test("isMulticast is true within 224.0.0.0/4 and false outside")
    func multicast() {
        expect(\.isMulticast, "224.0.0.0", "239.255.255.255", not: "223.255.255.255", "240.0.0.0")
    }

    @Test("isPrivate is true within the three ranges of RFC 1918 and false outside")
    func privateRanges() {
        expect(\.isPrivate, "10.0.0.0", "10.255.255.255", not: "9.255.255.255", "11.0.0.0")
        expect(\.isPrivate, "172.16.0.0", "172.31.255.255", not: "172.15.255.255", "172.32.0.0")
        expect(\.isPrivate, "192.168.0.0", "192.168.255.255", not: "192.167.255.255", "192.169.0.0")
    }

    @Test("isLinkLocal is true within 169.254.0.0/16 and false outside")
    func linkLocal() {
        expect(
            \.isLinkLocal, "169.254.0.0", "169.254.255.255", not: "169.253.255.255", "169.255.0.0")
    }

    @Test("isUnspecified is true only for 0.0.0.0")
    func unspecified() {
        expect(\.isUnspecified, "0.0.0.0", "0.0.0.0", not: "0.0.0.1", "1.0.0.0")
    }

    private func expect(
        _ property: KeyPath<IPv4Address, Bool>, _ first: String, _ last: String,
        not before: String, _ after: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let values = [first, last, before, after].map { IPv4Address($0)?[keyPath: property] }
        #expect(values == [true, true, false, false], sourceLocation: sourceLocation)
    }
}

extension IPv4AddressTests {
    @Test("four bytes create an address, and any other number of bytes is rejected")
    func bytes() {
        #expect(IPv4Address(bytes: [192, 0, 2, 7]) == IPv4Address(192, 0, 2, 7))
        #expect(IPv4Address(192, 0, 2, 7).bytes == [192, 0, 2, 7])
        #expect(IPv4Address(bytes: []) == nil && IPv4Address(bytes: [1, 2, 3, 4, 5]) == nil)
    }
}
