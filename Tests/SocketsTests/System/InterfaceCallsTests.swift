import Testing

@testable import Sockets

@Suite("Interface calls", .ownThread)
struct InterfaceCallsTests {
    @Test("getifaddrs returns one link and the addresses of the loopback interface")
    func loopback() throws {
        let entries = try System.getifaddrs().filter { $0.name == "lo" }
        #expect(entries.filter(\.isLink).count == 1)
        let hasLoopbackAddress = entries.contains { entry in
            guard case .address(let address, let length, _) = entry.content else { return false }
            return address == .ipv4(bits: RawSockets.loopback, port: 0) && length == 8
        }
        #expect(hasLoopbackAddress)
        #expect(entries.allSatisfy { $0.flags & 0x8 != 0 })
    }

    @Test(
        "getifaddrs returns the hardware address, the masks of both versions and the broadcast address",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func contents() throws {
        let commands = [
            "ip link add a0 address 02:00:00:00:00:07 type bridge",
            "ip addr add 192.0.2.7/25 brd 192.0.2.127 dev a0",
            "ip -6 addr add 2001:db8::7/65 dev a0 nodad",
        ]
        let texts = try PrivateMachine.run(commands: commands) {
            try System.getifaddrs().filter { $0.name == "a0" }.map { entry in
                switch entry.content {
                case .link(let hardwareAddress): "\(hardwareAddress)"
                case .address(let address, let length, let destination):
                    "\(SocketAddress(address))/\(length), \(SocketAddress(destination))"
                }
            }
        }
        let expected = [
            "[2, 0, 0, 0, 0, 7]", "192.0.2.7:0/25, 192.0.2.127:0", "[2001:db8::7]:0/65, unnamed",
        ]
        #expect(texts == expected)
    }

    @Test("interfaceMTU returns nil for a name that no interface has")
    func mtu() throws {
        let socket = try RawSockets.make(.ipv4, .datagram)
        #expect(try System.interfaceMTU(socket.number, "lo").map { $0 >= 1_280 } == true)
        for name in ["", "nosuch0", "LO", String(repeating: "l", count: 99)] {
            #expect(try System.interfaceMTU(socket.number, name) == nil, "\(name.debugDescription)")
        }
    }
}
