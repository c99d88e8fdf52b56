import Glibc
import Testing

@testable import Sockets

@Suite("RawSocketAddress")
struct RawSocketAddressTests {
    typealias Content = RawSocketAddress.Content

    static let contents: [Content] = [
        .ipv4(bits: 0, port: 0), .ipv4(bits: 0x7F00_0001, port: 80),
        .ipv4(bits: .max, port: .max), .ipv4(bits: 0x0102_0304, port: 0x0506),
        .ipv6(high: 0, low: 0, port: 0, scope: 0), .ipv6(high: 0, low: 1, port: 443, scope: 0),
        .ipv6(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10, port: 0x1112, scope: 7),
        .ipv6(high: .max, low: .max, port: .max, scope: .max),
        .unix(Array("/run/app.sock".utf8)), .unix([0x61]), .unix([0xFF, 0xFE]),
        .unix([UInt8](repeating: 0x61, count: 106)), .unix([UInt8](repeating: 0x61, count: 107)),
        .unix([UInt8](repeating: 0x61, count: 108)), .unix([0, 0x61]), .unix([0, 0]),
        .unix([0, 0x61, 0, 0x62, 0]), .unix([0] + [UInt8](repeating: 0, count: 107)),
        .unix([0] + [UInt8](repeating: 0x61, count: 107)), .unnamed,
    ]

    private func bytes(of address: RawSocketAddress) -> [UInt8] {
        address.withAddress { address, length in
            Array(UnsafeRawBufferPointer(start: address, count: Int(length)))
        }
    }

    private func copy(_ address: RawSocketAddress, length: Int) -> RawSocketAddress {
        address.withAddress { address, _ in
            RawSocketAddress(copying: address, length: socklen_t(length))
        }
    }

    @Test("content returns the value that created a RawSocketAddress", arguments: contents)
    func roundTrip(content: Content) {
        #expect(RawSocketAddress(content).content == content)
    }

    @Test(
        "an address copied from the C library's representation has the same content",
        arguments: contents)
    func copiedAddress(content: Content) {
        let address = RawSocketAddress(content)
        #expect(copy(address, length: bytes(of: address).count).content == content)
    }

    @Test("the address of an empty Unix name has only the family, so bind chooses a name")
    func layoutOfEmptyName() {
        #expect(bytes(of: RawSocketAddress(.unix([]))) == [UInt8(AF_UNIX), 0])
    }

    @Test("an IPv4 address has the layout of struct sockaddr_in, in network order")
    func layoutOfIPv4() {
        let bytes = bytes(of: RawSocketAddress(.ipv4(bits: 0x0102_0304, port: 0x0506)))
        #expect(bytes == [UInt8(AF_INET), 0, 5, 6, 1, 2, 3, 4] + [UInt8](repeating: 0, count: 8))
    }

    @Test(
        "an IPv6 address has the layout of struct sockaddr_in6, with only the scope in host order")
    func layoutOfIPv6() {
        let bytes = bytes(
            of: RawSocketAddress(
                .ipv6(
                    high: 0x0102_0304_0506_0708, low: 0x090A_0B0C_0D0E_0F10, port: 0x1112, scope: 7)
            ))
        let expected: [UInt8] =
            [UInt8(AF_INET6), 0, 0x11, 0x12, 0, 0, 0, 0] + (1...16).map { UInt8($0) }
            + [7, 0, 0, 0]
        #expect(bytes == expected)
    }

    @Test(
        "a path is stored with a final NUL if there is space, and an abstract name unchanged",
        arguments: [
            ([0x61], [0x61, 0]), ([UInt8](repeating: 0x61, count: 108), nil),
            ([0, 0x61], [0, 0x61]), ([0, 0x61, 0], [0, 0x61, 0]),
        ] as [([UInt8], [UInt8]?)])
    func lengthOfUnixNames(name: [UInt8], stored: [UInt8]?) {
        let bytes = bytes(of: RawSocketAddress(.unix(name)))
        #expect(bytes == [UInt8(AF_UNIX), 0] + (stored ?? name))
    }

    @Test(
        "a truncated Internet address is decoded as unnamed",
        arguments: [
            .ipv4(bits: .max, port: .max), .ipv6(high: .max, low: .max, port: .max, scope: .max),
        ] as [Content])
    func truncatedInternetAddress(content: Content) {
        let address = RawSocketAddress(content)
        for length in 0..<bytes(of: address).count {
            #expect(copy(address, length: length).content == .unnamed, "of \(length) bytes")
        }
    }

    @Test("the address length determines how many bytes a Unix name has")
    func truncatedUnixName() {
        let path = RawSocketAddress(.unix([0x61, 0x62]))
        #expect(copy(path, length: 0).content == .unnamed)
        #expect(copy(path, length: 1).content == .unnamed)
        #expect(copy(path, length: 2).content == .unnamed)
        #expect(copy(path, length: 3).content == .unix([0x61]))
        #expect(copy(path, length: 4).content == .unix([0x61, 0x62]))
        let abstract = RawSocketAddress(.unix([0, 0x61, 0x62]))
        #expect(copy(abstract, length: 3).content == .unnamed)
        #expect(copy(abstract, length: 4).content == .unix([0, 0x61]))
    }

    @Test("an address length of one byte beyond a full sun_path, as Linux reports it, is accepted")
    func oneByteMoreThanSunPath() {
        // unix(7), "BUGS": a path of 108 bytes is reported with the length of its missing NUL.
        let path = [UInt8](repeating: 0x61, count: 108)
        var address = RawSocketAddress()
        address.withRoom { room, length in
            RawSocketAddress(.unix(path)).withAddress { source, count in
                UnsafeMutableRawPointer(room).copyMemory(from: source, byteCount: Int(count))
            }
            length.pointee = 111
        }
        #expect(address.content == .unix(path))
    }

    @Test("an address of an unknown family is decoded as unnamed")
    func unknownFamily() {
        #expect(RawSocketAddress().content == .unnamed)
        var address = RawSocketAddress()
        address.withRoom { room, length in
            room.pointee.sa_family = sa_family_t(AF_NETLINK)
            length.pointee = 12
        }
        #expect(address.content == .unnamed)
    }

    @Test("withRoom always provides the whole struct sockaddr_storage")
    func withRoomIsComplete() {
        var address = RawSocketAddress(.ipv4(bits: 1, port: 1))
        let length = address.withRoom { $1.pointee }
        #expect(length == 128)
        address.withRoom { $1.pointee = 0 }
        #expect(address.content == .unnamed)
    }

    @Test("a Unix name longer than sun_path ends the program")
    func overlongNameTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = RawSocketAddress(.unix([UInt8](repeating: 0x61, count: 109)))
        }
    }

    @Test("the kernel returns the abstract name that a socket was bound to", arguments: contents)
    func kernelAgrees(content: Content) throws {
        // Abstract names only, because a test can bind these on any machine.
        guard case .unix(let name) = content, name[0] == 0, name.contains(0x61) else { return }
        let socket = try RawSockets.make(.unix, .datagram)
        let own = name.prefix(100) + Array("\(getpid())".utf8)
        try System.bind(socket.number, RawSocketAddress(.unix(Array(own))))
        #expect(try System.getsockname(socket.number).content == .unix(Array(own)))
    }
}
