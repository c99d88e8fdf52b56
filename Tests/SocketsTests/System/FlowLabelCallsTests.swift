import SystemPackage
import Testing

@testable import Sockets

@Suite("Flow label calls", .ownThread)
struct FlowLabelCallsTests {
    private static let loopback = RawSocketAddress(.ipv6(high: 0, low: 1, port: 9, scope: 0))

    @Test("a leased label is the flow label of a socket that connects with it")
    func lease() throws {
        let receiver = try RawSockets.make(.ipv6, .datagram)
        try System.bind(
            receiver.number, RawSocketAddress(.ipv6(high: 0, low: 1, port: 0, scope: 0)))
        let socket = try RawSockets.make(.ipv6, .datagram)
        #expect(try System.flowLabel(socket.number) == nil)
        var address = try System.getsockname(receiver.number)
        let content = address.content
        try System.leaseFlowLabel(socket.number, 0x12345, to: address)
        address.setFlowLabel(0x12345)
        #expect(address.content == content)
        try System.connect(socket.number, address)
        #expect(try System.flowLabel(socket.number) == 0x12345)
    }

    @Test("a label of 0 or of more than 20 bits throws EINVAL", arguments: [0, 0x10_0000, .max])
    func outOfRange(label: UInt32) throws {
        let socket = try RawSockets.make(.ipv6, .stream)
        #expect(throws: Errno.invalidArgument) {
            try System.leaseFlowLabel(socket.number, label, to: Self.loopback)
        }
    }

    @Test("an IPv4 destination throws EAFNOSUPPORT")
    func ipv4() throws {
        let socket = try RawSockets.make(.ipv6, .stream)
        #expect(throws: Errno.addressFamilyNotSupported) {
            try System.leaseFlowLabel(
                socket.number, 5, to: RawSocketAddress(.ipv4(bits: 1, port: 9)))
        }
    }
}
