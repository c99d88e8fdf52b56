import Glibc
import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Multicast calls", .ownThread)
struct MulticastCallsTests {
    private let group: UInt32 = 0xEFFF_4E4F

    private func loopbackInterface() throws -> UInt32 {
        try #require(try System.if_nametoindex("lo"))
    }

    @Test("an IPv4 group member receives a datagram, and joining or leaving twice throws")
    func ipv4() throws {
        let interface = try loopbackInterface()
        let member = try RawSockets.make(.ipv4, .datagram)
        try System.bind(member.number, RawSocketAddress(.ipv4(bits: 0, port: 0)))
        guard case .ipv4(_, let port) = try System.getsockname(member.number).content else {
            return
        }
        try System.setMembership(member.number, .join, ofIPv4Group: group, on: interface)
        #expect(throws: Errno.addressInUse) {
            try System.setMembership(member.number, .join, ofIPv4Group: group, on: interface)
        }
        let sender = try RawSockets.make(.ipv4, .datagram)
        try System.setMulticastInterfaceIPv4(sender.number, interface)
        let target = RawSocketAddress(.ipv4(bits: group, port: port))
        let bytes: [UInt8] = [0x67]
        _ = try bytes.withUnsafeBytes { try System.sendto(sender.number, $0, [], target) }
        try System.setTimeout(member.number, .receive, microseconds: 10_000_000)
        #expect(try System.recv(member.number, atMost: 8) == "g")

        try System.setMembership(member.number, .leave, ofIPv4Group: group, on: interface)
        #expect(throws: Errno.addressNotAvailable) {
            try System.setMembership(member.number, .leave, ofIPv4Group: group, on: interface)
        }
    }

    @Test("an IPv6 group is joined in network byte order, and joining or leaving twice throws")
    func ipv6() throws {
        let interface = try loopbackInterface()
        let member = try RawSockets.make(.ipv6, .datagram)
        let high: UInt64 = 0xFF02_0000_0000_0000
        let low: UInt64 = 0x0000_0000_4E4F_4E4F
        try System.setMembership(member.number, .join, ofIPv6Group: high, low, on: interface)
        let groups = try System.contents(of: "/proc/self/net/igmp6", atMost: 1 << 16)
        #expect(
            String(decoding: groups, as: UTF8.self).contains("ff02000000000000000000004e4f4e4f"))
        #expect(throws: Errno.addressInUse) {
            try System.setMembership(member.number, .join, ofIPv6Group: high, low, on: interface)
        }
        try System.setMembership(member.number, .leave, ofIPv6Group: high, low, on: interface)
        #expect(throws: Errno.addressNotAvailable) {
            try System.setMembership(member.number, .leave, ofIPv6Group: high, low, on: interface)
        }
        try System.setMulticastInterfaceIPv6(member.number, interface)
    }

    @Test("a multicast call throws for an address that is not a group and for a missing interface")
    func failures() throws {
        let ipv4 = try RawSockets.make(.ipv4, .datagram)
        let ipv6 = try RawSockets.make(.ipv6, .datagram)
        #expect(throws: Errno.invalidArgument) {
            try System.setMembership(ipv4.number, .join, ofIPv4Group: 0x7F00_0001, on: 0)
        }
        #expect(throws: Errno.invalidArgument) {
            try System.setMembership(ipv6.number, .join, ofIPv6Group: 0, 1, on: 0)
        }
        #expect(throws: Errno.operationNotSupportedByDevice) {
            try System.setMembership(ipv4.number, .join, ofIPv4Group: group, on: 999_999)
        }
        #expect(throws: Errno.operationNotSupportedByDevice) {
            try System.setMulticastInterfaceIPv6(ipv6.number, 999_999)
        }
    }
}
