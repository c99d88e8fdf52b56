import Glibc
import Testing

@testable import Sockets

@Suite("Socket: options", .ownThread)
struct SocketOptionsTests {
    @Test("Boolean options are set and read")
    func flags() throws {
        let tcp = try Socket(.ipv4, .stream)
        let udp = try Socket(.ipv6, .datagram)
        for (socket, options) in [
            (tcp, [.reuseAddress, .reusePort, .keepAlive, .noDelay]),
            (udp, [.broadcast, .ipv6Only, .multicastLoop]),
        ] as [(Socket, [SocketOption<Bool>])] {
            for option in options {
                for value in [true, false, true] {
                    try socket.setOption(option, to: value)
                    #expect(try socket.option(option) == value, "\(option.name)")
                }
            }
        }
    }

    @Test("integer and duration options are set and read")
    func numbers() throws {
        let tcp = try Socket(.ipv4, .stream)
        try tcp.setOption(.keepAliveCount, to: 3)
        #expect(try tcp.option(.keepAliveCount) == 3)
        try tcp.setOption(.keepAliveIdle, to: .seconds(90))
        #expect(try tcp.option(.keepAliveIdle) == .seconds(90))
        try tcp.setOption(.keepAliveInterval, to: .milliseconds(1500))
        #expect(try tcp.option(.keepAliveInterval) == .seconds(2))
        try tcp.setOption(.receiveBufferSize, to: 20_000)
        #expect(try tcp.option(.receiveBufferSize) == 40_000)
        try tcp.setOption(.sendBufferSize, to: 20_000)
        #expect(try tcp.option(.sendBufferSize) == 40_000)
    }

    @Test("hop limits can be set on IPv4 and IPv6 sockets, and timeToLive always sets IP_TTL")
    func timeToLive() throws {
        for family in [AddressFamily.ipv4, .ipv6] {
            let socket = try Socket(family, .datagram)
            try socket.setOption(.timeToLive, to: 7)
            #expect(try socket.option(.timeToLive) == 7)
            #expect(try socket.option(SocketOption<Int32>.raw(level: 0, name: IP_TTL)) == 7)
            try socket.setOption(.multicastTimeToLive, to: 3)
            #expect(try socket.option(.multicastTimeToLive) == 3)
        }
    }

    @Test("the linger option can be nil, zero or a number of seconds")
    func linger() throws {
        let socket = try Socket(.ipv4, .stream)
        #expect(try socket.option(.linger) == nil)
        for value in [Duration.zero, .seconds(3), nil] as [Duration?] {
            try socket.setOption(.linger, to: value)
            #expect(try socket.option(.linger) == value)
        }
    }

    @Test("setting an unsupported option throws an error that names the option")
    func missing() throws {
        let (one, _) = try Socket.pair()
        let error = #expect(throws: SocketError.self) { try one.setOption(.noDelay, to: true) }
        #expect(error?.description == "cannot set option noDelay: operation not supported")
        let readOnly = #expect(throws: SocketError.self) { try one.setOption(.error, to: nil) }
        #expect(readOnly?.description == "cannot set option error: protocol not available")
    }

    @Test("a raw option is set and read by level and name, as a number or as bytes")
    func raw() throws {
        let socket = try Socket(.ipv4, .stream)
        let priority = SocketOption<Int32>.raw(level: SOL_SOCKET, name: SO_PRIORITY)
        try socket.setOption(priority, to: 5)
        #expect(try socket.option(priority) == 5)
        let bytes = SocketOption<[UInt8]>.raw(level: SOL_SOCKET, name: SO_PRIORITY)
        try socket.setOption(bytes, to: [6, 0, 0, 0])
        #expect(try socket.option(bytes) == [6, 0, 0, 0])
    }

    @Test("an SO_RCVTIMEO set as a raw option does not end a receive that has no time limit")
    func rawTimeout() throws {
        let (one, other) = try Socket.pair()
        let limit = SocketOption<[UInt8]>.raw(level: SOL_SOCKET, name: SO_RCVTIMEO)
        let tenMilliseconds: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x27, 0, 0, 0, 0, 0, 0]
        try one.setOption(limit, to: tenMilliseconds)
        let background = Background { try one.receive() }
        try waitUntilAThreadWaits(on: one)
        #expect(try one.option(limit) != tenMilliseconds)
        try other.send("x")
        #expect(try background.value() == [0x78])
    }

    @Test(
        "a member receives the datagrams of a multicast group, and leaving the group twice throws")
    func multicast() throws {
        let group = IPv4Address(239, 255, 77, 77)
        let member = try Socket(on: .udp("0.0.0.0", port: 0))
        let port = try #require(member.localAddress.port)
        try member.joinMulticastGroup(.v4(group), interface: "lo")
        let sender = try Socket(.ipv4, .datagram)
        try sender.setMulticastInterface("lo")
        try sender.send("to all", to: .ipv4(group, port: port))
        #expect(try member.receiveFrom(timeout: .seconds(5)).text == "to all")
        try member.leaveMulticastGroup(.v4(group), interface: "lo")
        let error = #expect(throws: SocketError.self) {
            try member.leaveMulticastGroup(.v4(group), interface: "lo")
        }
        #expect(error?.errno == .addressNotAvailable)
    }

    @Test("a socket joins and leaves an IPv6 group, and a join error names the group")
    func multicast6() throws {
        let group = try #require(IPv6Address("ff02::7777"))
        let member = try Socket(.ipv6, .datagram)
        try member.joinMulticastGroup(.v6(group), interface: "lo")
        try member.leaveMulticastGroup(.v6(group), interface: "lo")
        try member.setMulticastInterface("lo")
        let error = #expect(throws: SocketError.self) {
            try member.joinMulticastGroup(.v6(group), interface: "nosuch0")
        }
        #expect(error?.errno == .operationNotSupportedByDevice)
        #expect(error?.subject == "multicastGroup ff02::7777")
    }

    @Test("reading a pending error clears the error")
    func pendingError() throws {
        let peer = try Loopback.udp()
        let socket = try Socket(.ipv4, .datagram)
        try socket.connect(to: peer.localAddress)
        // A socket that is connected to another peer refuses datagrams from this one. Closing it is
        // not enough, because a program that another test starts holds our descriptors until its
        // exec.
        try peer.connect(to: .ipv4(.loopback, port: 9))
        #expect(try socket.option(.error) == nil)
        try socket.send("x")
        #expect(try socket.option(.error) == .connectionRefused)
        #expect(try socket.option(.error) == nil)
    }
}
