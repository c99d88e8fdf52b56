import Glibc
import Testing

@testable import Sockets

@Suite("Option keys", .ownThread)
struct OptionKeysTests {
    private static let general: [(OptionKey, Int32)] = [
        (.reuseAddress, 1), (.reusePort, 1), (.keepAlive, 1), (.receiveBufferSize, 50_000),
        (.sendBufferSize, 50_000), (.noDelay, 1), (.keepAliveIdle, 77), (.keepAliveInterval, 7),
        (.keepAliveCount, 3), (.userTimeout, 5_000), (.notSentLowWater, 16_384), (.quickAck, 0),
        (.fastOpen, 5), (.deferAccept, 1), (.priority, 5),
        (.incomingCPU, 0), (.trafficClass4, 0xB8), (.mtuDiscovery4, 2), (.freeBind4, 1),
    ]

    @Test("each option key for streams sets and reads its option")
    func keysOfAStream() throws {
        let socket = try RawSockets.make(.ipv4, .stream)
        for (key, value) in Self.general {
            try System.setOption(socket.number, key, value)
            let read = try System.option(socket.number, key)
            // Linux doubles buffer sizes for its own bookkeeping, socket(7).
            #expect(read == value || read == 2 * value, "\(key)")
        }
    }

    @Test("each option key for datagrams sets and reads its option")
    func keysOfDatagrams() throws {
        let ipv4 = try RawSockets.make(.ipv4, .datagram)
        let ipv6 = try RawSockets.make(.ipv6, .datagram)
        for (socket, key, value) in [
            (ipv4, .broadcast, 1), (ipv4, .timeToLive4, 9), (ipv4, .multicastTimeToLive4, 4),
            (ipv4, .multicastLoop4, 0), (ipv6, .ipv6Only, 1), (ipv6, .timeToLive6, 9),
            (ipv6, .multicastTimeToLive6, 4), (ipv6, .multicastLoop6, 0),
            (ipv6, .trafficClass6, 0xB8), (ipv6, .mtuDiscovery6, 2), (ipv6, .freeBind6, 1),
            (ipv6, .sendsFlowLabel, 1),
        ] as [(Descriptor, OptionKey, Int32)] {
            try System.setOption(socket.number, key, value)
            #expect(try System.option(socket.number, key) == value, "\(key)")
        }
    }

    @Test("all option keys are distinct")
    func keysDiffer() {
        let keys: [OptionKey] =
            Self.general.map(\.0) + [
                .linger, .broadcast, .type, .timeToLive4, .multicastTimeToLive4, .multicastLoop4,
                .ipv6Only, .timeToLive6, .multicastTimeToLive6, .multicastLoop6, .bindToDevice,
                .mark, .fastOpenConnect, .congestionControl, .multipathInformation, .mtu4,
                .transparent4,
                .originalDestination4, .trafficClass6, .mtuDiscovery6, .mtu6, .freeBind6,
                .transparent6, .originalDestination6, .sendsFlowLabel,
            ]
        #expect(Set(keys).count == keys.count)
    }

    @Test("the option key .type returns the type of a socket")
    func type() throws {
        let socket = try RawSockets.make(.ipv4, .datagram)
        #expect(try System.option(socket.number, .type) == SocketType.datagram.number)
    }
}
