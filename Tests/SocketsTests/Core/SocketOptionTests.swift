import Testing

@testable import Sockets

@Suite("SocketOption", .ownThread)
struct SocketOptionTests {
    @Test(
        "SocketOption.name is the Swift name of an option, or the level and number of a raw option")
    func names() {
        let flags: [SocketOption<Bool>] = [
            .reuseAddress, .reusePort, .keepAlive, .broadcast, .noDelay, .cork, .ipv6Only,
            .multicastLoop, .quickAck, .fastOpenConnect, .multipathTCP, .freeBind, .transparent,
        ]
        #expect(
            flags.map(\.name) == [
                "reuseAddress", "reusePort", "keepAlive", "broadcast", "noDelay", "cork",
                "ipv6Only", "multicastLoop", "quickAck", "fastOpenConnect", "multipathTCP",
                "freeBind", "transparent",
            ])
        let counts: [SocketOption<Int>] = [
            .receiveBufferSize, .sendBufferSize, .keepAliveCount, .timeToLive, .multicastTimeToLive,
            .notSentLowWater, .fastOpenBacklog, .priority, .mtu,
        ]
        #expect(
            counts.map(\.name) == [
                "receiveBufferSize", "sendBufferSize", "keepAliveCount", "timeToLive",
                "multicastTimeToLive", "notSentLowWater", "fastOpenBacklog", "priority", "mtu",
            ])
        let durations: [SocketOption<Duration>] = [
            .keepAliveIdle, .keepAliveInterval, .userTimeout, .deferAccept,
        ]
        #expect(
            durations.map(\.name) == [
                "keepAliveIdle", "keepAliveInterval", "userTimeout", "deferAccept",
            ])
        #expect(SocketOption<Duration?>.linger.name == "linger")
        #expect(SocketOption<KeepAliveProbes?>.keepAliveProbes.name == "keepAliveProbes")
        #expect(SocketOption<String>.congestionControl.name == "congestionControl")
        #expect(SocketOption<String?>.boundInterface.name == "boundInterface")
        #expect(SocketOption<UInt32>.mark.name == "mark")
        #expect(SocketOption<Int?>.incomingCPU.name == "incomingCPU")
        #expect(SocketOption<SocketAddress?>.originalDestination.name == "originalDestination")
        #expect(SocketOption<TrafficClass>.trafficClass.name == "trafficClass")
        #expect(SocketOption<UInt32?>.flowLabel.name == "flowLabel")
        #expect(SocketOption<MTUDiscovery>.mtuDiscovery.name == "mtuDiscovery")
        #expect(SocketOption<Errno?>.error.name == "error")
        #expect(SocketOption<SocketType?>.type.name == "type")
        #expect(SocketOption<Int32>.raw(level: 1, name: 12).name == "(1, 12)")
        #expect(SocketOption<[UInt8]>.raw(level: 1, name: 12).name == "(1, 12)")
    }

    @Test("isRaw is true only for raw options")
    func raw() {
        #expect(SocketOption<Int32>.raw(level: 1, name: 12).isRaw)
        #expect(SocketOption<[UInt8]>.raw(level: 1, name: 12).isRaw)
        #expect(!SocketOption<Bool>.noDelay.isRaw)
        #expect(!SocketOption<Int>.timeToLive.isRaw)
        #expect(!SocketOption<Duration?>.linger.isRaw)
    }

    @Test(
        "a duration option is rounded up to whole seconds",
        arguments: [
            (.seconds(90), 90), (.milliseconds(1), 1), (.milliseconds(89_001), 90),
            (Duration(attoseconds: 1), 1), (.seconds(32_767), 32_767),
        ] as [(Duration, Int)])
    func wholeSeconds(duration: Duration, seconds: Int) throws {
        let socket = try Socket(.ipv4, .stream)
        try socket.setOption(.keepAliveIdle, to: duration)
        #expect(try socket.option(.keepAliveIdle) == .seconds(seconds))
        try socket.setOption(.linger, to: duration)
        #expect(try socket.option(.linger) == .seconds(seconds))
    }

    @Test("setting a value that the kernel refuses throws EINVAL")
    func refusedValues() throws {
        let socket = try Socket(.ipv4, .stream)
        for duration in [Duration.zero, .seconds(-1), .seconds(Int64.max), .seconds(Int64.min)] {
            let error = #expect(throws: SocketError.self) {
                try socket.setOption(.keepAliveIdle, to: duration)
            }
            #expect(error?.errno == .invalidArgument)
        }
        for count in [Int.max, 0, 256, Int.min] {
            let error = #expect(throws: SocketError.self) {
                try socket.setOption(.timeToLive, to: count)
            }
            #expect(
                error?.firstLine == "cannot set option timeToLive to \(count): invalid argument")
        }
        try socket.setOption(.receiveBufferSize, to: .max)
        #expect(try socket.option(.receiveBufferSize) > 0)
    }

    @Test(
        "the type option returns the type of the socket and cannot be set",
        arguments: SocketType.allCases)
    func type(kind: SocketType) throws {
        let socket = try Socket(.unix, kind)
        #expect(try socket.option(.type) == kind)
        let error = #expect(throws: SocketError.self) { try socket.setOption(.type, to: kind) }
        #expect(error?.errno == .protocolNotAvailable)
    }

    @Test("reading or setting an option of a closed socket throws an error that names the option")
    func closed() throws {
        let socket = try Socket(.ipv4, .stream)
        socket.close()
        let read = #expect(throws: SocketError.self) { try socket.option(.noDelay) }
        #expect(read?.description == "cannot read option noDelay: the socket is closed")
        let write = #expect(throws: SocketError.self) { try socket.setOption(.linger, to: nil) }
        #expect(write?.description == "cannot set option linger: the socket is closed")
    }

    @Test("multicast options of an IPv6 socket are set for both families")
    func bothFamilies() throws {
        let socket = try Socket(.ipv6, .datagram)
        try socket.setOption(.multicastLoop, to: false)
        try socket.setOption(.multicastTimeToLive, to: 5)
        #expect(try System.option(socket.descriptor, .multicastLoop4) == 0)
        #expect(try System.option(socket.descriptor, .multicastLoop6) == 0)
        #expect(try System.option(socket.descriptor, .multicastTimeToLive4) == 5)
        #expect(try System.option(socket.descriptor, .multicastTimeToLive6) == 5)
    }
}
