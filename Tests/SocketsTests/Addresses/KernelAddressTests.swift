import SystemPackage
import Testing

@testable import Sockets

@Suite("KernelAddress")
struct KernelAddressTests {
    private static let zoned = IPv6Address(high: 0xFE80 << 48, low: 1, zone: "lo")

    private static let samples: [(SocketAddress, AddressFamily)] = [
        (.ipv4(IPv4Address(192, 0, 2, 7), port: 80), .ipv4),
        (.ipv6(.loopback, port: 65535), .ipv6),
        (.ipv6(zoned, port: 80), .ipv6),
        (.unnamed, .ipv4),
    ]

    @Test("an address round-trips through the kernel's format", arguments: samples)
    func addressesRoundTrip(address: SocketAddress, family: AddressFamily) throws {
        #expect(SocketAddress(try address.raw(for: family)) == address)
    }

    @Test("a Unix name of any length round-trips through the kernel's format")
    func unixNamesRoundTrip() throws {
        for count in 1...UnixAddress.maximumLength {
            let bytes = Array(repeating: UInt8(ascii: "a"), count: count)
            let path = SocketAddress.unix(try #require(UnixAddress(pathBytes: bytes)))
            #expect(SocketAddress(try path.raw(for: .unix)) == path)
            let abstract = SocketAddress.unix(try #require(UnixAddress(abstractBytes: bytes)))
            #expect(SocketAddress(try abstract.raw(for: .unix)) == abstract)
        }
    }

    @Test("an abstract name with NULs, even at its end, round-trips through the kernel's format")
    func abstractNamesMayContainNUL() throws {
        let name = SocketAddress.unix(try #require(UnixAddress(abstractBytes: [0x61, 0, 0x62, 0])))
        #expect(SocketAddress(try name.raw(for: .unix)) == name)
    }

    @Test("an IPv4 address is mapped for a dual-stack socket and decoded as IPv4")
    func mappedAddresses() throws {
        let address = SocketAddress.ipv4(IPv4Address(192, 0, 2, 7), port: 80)
        let raw = try address.raw(for: .ipv6)
        #expect(raw.content == .ipv6(high: 0, low: 0xFFFF_C000_0207, port: 80, scope: 0))
        #expect(SocketAddress(raw) == address)
    }

    @Test("a zone resolves to the index of its interface")
    func zones() throws {
        let loopback = IPv6Address(high: 0xFE80 << 48, low: 1, zone: "lo")
        let scope = try loopback.scope()
        #expect(scope != 0)
        #expect(try IPv6Address(high: 0, low: 0, zone: "17").scope() == 17)
        #expect(try IPv6Address.loopback.scope() == 0)
    }

    @Test("the kernel's link-local address is decoded with its interface name as the zone")
    func zonesOfTheKernel() {
        let raw = RawSocketAddress(.ipv6(high: 0xFE80 << 48, low: 1, port: 80, scope: 1))
        #expect(SocketAddress(raw).description == "[fe80::1%lo]:80")
        let unknown = RawSocketAddress(.ipv6(high: 0xFE80 << 48, low: 1, port: 80, scope: 999_999))
        #expect(SocketAddress(unknown).description == "[fe80::1%999999]:80")
    }

    @Test(
        "a zone of digits selects the interface of that name before the interface of that index",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func digitsAsAName() throws {
        let (scope, shown) = try PrivateMachine.run(commands: [
            "ip link add 77 type bridge", "ip link add 1 type bridge", "ip link set 77 up",
        ]) {
            let address = IPv6Address(high: 0xFE80 << 48, low: 0xAA, zone: "77")
            let raw = try SocketAddress.ipv6(address, port: 80).raw(for: .ipv6)
            return (try address.scope(), SocketAddress(raw).description)
        }
        #expect(scope != 77 && scope != 0)
        #expect(shown == "[fe80::aa%77]:80")
    }

    @Test(
        "resolving a zone that names no interface throws ENODEV",
        arguments: ["nosuch0", "", "lo\0", "-1", "+1"])
    func unknownZones(zone: String) {
        let address = IPv6Address(high: 0, low: 1, zone: zone)
        #expect(throws: Errno.operationNotSupportedByDevice) { try address.scope() }
    }

    @Test("a zone of digits is an interface index if the number fits into 32 bits")
    func zonesInDigits() throws {
        #expect(try IPv6Address(high: 0, low: 1, zone: "0").scope() == 0)
        #expect(try IPv6Address(high: 0, low: 1, zone: "4294967295").scope() == .max)
        #expect(throws: Errno.operationNotSupportedByDevice) {
            try IPv6Address(high: 0, low: 1, zone: "4294967296").scope()
        }
    }

    @Test("a path of 108 bytes from the kernel is decoded as unnamed instead of truncated")
    func pathOf108Bytes() throws {
        // The kernel accepts a path without a NUL, which `UnixAddress` cannot hold.
        let directory = Array("/tmp/".utf8)
        let name = directory + Array(repeating: UInt8(ascii: "p"), count: 108 - directory.count)
        let socket = try RawSockets.make(.unix, .datagram)
        try System.bind(socket.number, RawSocketAddress(.unix(name)))
        defer { try? System.unlink(name) }
        let raw = try System.getsockname(socket.number)
        #expect(raw.content == .unix(name))
        #expect(SocketAddress(raw) == .unnamed)
    }

    @Test("a dual-stack socket reports an IPv4 peer with an IPv4 address")
    func peerOfDualStackSocket() throws {
        let listener = try RawSockets.make(.ipv6, .stream)
        try System.setOption(listener.number, .ipv6Only, 0)
        try System.bind(
            listener.number, SocketAddress.ipv6(.any, port: 0).raw(for: .ipv6))
        try System.listen(listener.number, 1)
        let port = try #require(SocketAddress(System.getsockname(listener.number)).port)
        let client = try RawSockets.make(.ipv4, .stream)
        let target = SocketAddress.ipv4(.loopback, port: port)
        try System.connect(client.number, target.raw(for: .ipv4))
        let accepted = try System.accept(listener.number)
        let server = Descriptor(accepted.descriptor)
        #expect(
            try SocketAddress(accepted.peer) == SocketAddress(System.getsockname(client.number)))
        #expect(try SocketAddress(System.getsockname(server.number)) == target)

        // An IPv6 socket reaches an IPv4 socket by the mapped address.
        let (other, address) = try RawSockets.listener()
        let dual = try RawSockets.make(.ipv6, .stream)
        try System.connect(dual.number, SocketAddress(address).raw(for: .ipv6))
        #expect(try SocketAddress(System.getpeername(dual.number)) == SocketAddress(address))
        withExtendedLifetime(other) {}
    }
}
