import SystemPackage
import Testing

@testable import Sockets

@Suite("Datagram calls", .ownThread)
struct DatagramCallsTests {
    /// Receives one datagram.
    private func receive(
        _ socket: Descriptor
    ) throws -> (count: Int, sender: RawSocketAddress, local: PacketAddress?) {
        var batch = DatagramBatch()
        let count = try System.recvmmsg(socket.number, &batch, [.fullLength, .dontWait])
        #expect(count == 1)
        let next = batch.next()
        let datagram = try #require(next)
        return (datagram.originalCount, datagram.sender, datagram.local)
    }

    private func send(
        _ socket: Descriptor, to address: RawSocketAddress, from local: PacketAddress
    ) throws -> Int {
        try Array("123456".utf8).withUnsafeBytes {
            try System.sendmsg(socket.number, $0, [], to: address, from: local)
        }
    }

    private func bound(_ family: AddressFamily, _ content: PacketAddress) throws -> Descriptor {
        let socket = try RawSockets.make(family, .datagram)
        try System.bind(socket.number, RawSocketAddress(content))
        return socket
    }

    private func port(of socket: Descriptor) throws -> UInt16 {
        switch try System.getsockname(socket.number).content {
        case .ipv4(_, let port), .ipv6(_, _, let port, _): port
        case .unix, .unnamed: 0
        }
    }

    @Test("an IPv4 datagram is sent from the given address and reports its destination")
    func ipv4() throws {
        let server = try bound(.ipv4, .ipv4(bits: 0, port: 0))
        let client = try bound(.ipv4, .ipv4(bits: 0, port: 0))
        try System.enablePacketInfo(server.number, isIPv6: false)
        let (here, there) = (0x7F00_0007 as UInt32, 0x7F00_0008 as UInt32)
        let address = RawSocketAddress(.ipv4(bits: there, port: try port(of: server)))
        #expect(try send(client, to: address, from: .ipv4(bits: here, port: 0)) == 6)
        let (count, sender, local) = try receive(server)
        #expect(count == 6)
        #expect(sender.content == .ipv4(bits: here, port: try port(of: client)))
        #expect(local == .ipv4(bits: there, port: 0))
    }

    @Test(
        "an IPv6 datagram from a given address reports its destination and interface")
    func ipv6() throws {
        let server = try bound(.ipv6, .ipv6(high: 0, low: 0, port: 0, scope: 0))
        let client = try bound(.ipv6, .ipv6(high: 0, low: 0, port: 0, scope: 0))
        try System.enablePacketInfo(server.number, isIPv6: true)
        let loopback = PacketAddress.ipv6(high: 0, low: 1, port: 0, scope: 0)
        let address = RawSocketAddress(
            .ipv6(high: 0, low: 1, port: try port(of: server), scope: 0))
        #expect(try send(client, to: address, from: loopback) == 6)
        let interface = try #require(try System.if_nametoindex("lo"))
        #expect(
            try receive(server).local == .ipv6(high: 0, low: 1, port: 0, scope: interface))
    }

    @Test("an IPv4 datagram on a dual-stack socket reports an IPv4 destination")
    func dualStack() throws {
        let server = try RawSockets.make(.ipv6, .datagram)
        try System.setOption(server.number, .ipv6Only, 0)
        try System.bind(
            server.number, RawSocketAddress(.ipv6(high: 0, low: 0, port: 0, scope: 0)))
        try System.enablePacketInfo(server.number, isIPv6: true)
        let client = try RawSockets.bound(.datagram)
        let (here, there) = (RawSockets.loopback, 0x7F00_0009 as UInt32)
        let address = RawSocketAddress(.ipv4(bits: there, port: try port(of: server)))
        #expect(try send(client, to: address, from: .ipv4(bits: here, port: 0)) == 6)
        #expect(try receive(server).local == .ipv4(bits: there, port: 0))
    }

    @Test("a datagram has no destination address unless packet information is enabled")
    func notEnabled() throws {
        let server = try RawSockets.bound(.datagram)
        let client = try RawSockets.bound(.datagram)
        let address = try System.getsockname(server.number)
        let loopback = PacketAddress.ipv4(bits: RawSockets.loopback, port: 0)
        #expect(try send(client, to: address, from: loopback) == 6)
        #expect(try receive(server).local == nil)
    }

    @Test("sending from an IPv4 address of another machine throws")
    func foreignSource() throws {
        let client = try bound(.ipv4, .ipv4(bits: 0, port: 0))
        let address = RawSocketAddress(.ipv4(bits: RawSockets.loopback, port: 9))
        let error = #expect(throws: Errno.self) {
            try send(client, to: address, from: .ipv4(bits: 0xC000_0201, port: 0))
        }
        // Which of the two depends on the machine's routes.
        #expect(error == .invalidArgument || error == .networkUnreachable)
    }

    @Test("sending from an IPv6 address throws if its high or low 64 bits match no local address")
    func foreignSourceIPv6() throws {
        let client = try bound(.ipv6, .ipv6(high: 0, low: 0, port: 0, scope: 0))
        let address = RawSocketAddress(.ipv6(high: 0, low: 1, port: 9, scope: 0))
        let documentation: UInt64 = 0x2001_0DB8_0000_0000
        for (high, low) in [(documentation, 1), (0, 2)] as [(UInt64, UInt64)] {
            let error = #expect(throws: Errno.self) {
                try send(client, to: address, from: .ipv6(high: high, low: low, port: 0, scope: 0))
            }
            #expect([.invalidArgument, .addressNotAvailable, .networkUnreachable].contains(error))
        }
    }

    @Test("the kernel chooses the source address if the given address is unnamed")
    func noAddress() throws {
        let server = try RawSockets.bound(.datagram)
        let client = try RawSockets.bound(.datagram)
        let address = try System.getsockname(server.number)
        #expect(try send(client, to: address, from: .unnamed) == 6)
        #expect(try receive(server).count == 6)
    }
}
