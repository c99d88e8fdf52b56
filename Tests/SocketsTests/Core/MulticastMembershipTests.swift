import SystemPackage
import Testing

@testable import Sockets

@Suite("MulticastMembership", .ownThread)
struct MulticastMembershipTests {
    private let group = IPAddress.v4(IPv4Address(239, 1, 2, 3))

    @Test("MulticastMembership.subject names the group or the interface and escapes it")
    func subjects() {
        let joining = MulticastMembership.membership(.join, of: group, interface: "lo")
        #expect(joining.subject == "multicastGroup 239.1.2.3")
        let sending = MulticastMembership.sendThrough(interface: "e\u{1B}0")
        #expect(sending.subject == "multicastInterface e\\x1b0")
    }

    @Test("applying a membership on an interface that does not exist throws ENODEV")
    func unknownInterface() throws {
        let socket = try RawSockets.make(.ipv4, .datagram)
        for name in ["nosuch0", "", "lo\0"] {
            for change in [
                MulticastMembership.membership(.join, of: group, interface: name),
                .sendThrough(interface: name),
            ] {
                #expect(throws: Errno.operationNotSupportedByDevice) {
                    try change.apply(to: socket.number, .ipv4)
                }
            }
        }
    }

    @Test("the zone of a group address selects the interface if no interface is given")
    func zone() throws {
        let socket = try RawSockets.make(.ipv6, .datagram)
        let zoned = try #require(IPv6Address("ff02::7780%lo"))
        let bare = try #require(IPv6Address("ff02::7780"))
        try MulticastMembership.membership(.join, of: .v6(zoned), interface: nil)
            .apply(to: socket.number, .ipv6)
        // Both forms name one membership, so a second join fails, and a leave by the other form
        // succeeds.
        #expect(throws: Errno.addressInUse) {
            try MulticastMembership.membership(.join, of: .v6(bare), interface: "lo")
                .apply(to: socket.number, .ipv6)
        }
        try MulticastMembership.membership(.leave, of: .v6(bare), interface: "lo")
            .apply(to: socket.number, .ipv6)
    }
}
