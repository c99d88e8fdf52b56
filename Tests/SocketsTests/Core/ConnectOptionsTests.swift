import SystemPackage
import Testing

@testable import Sockets

@Suite("ConnectOptions", .ownThread)
struct ConnectOptionsTests {
    private static let four = SocketAddress("192.0.2.1:0")!
    private static let six = SocketAddress("[2001:db8::1]:0")!
    private static let anyFour = SocketAddress("0.0.0.0:5000")!
    private static let anySix = SocketAddress("[::]:6000")!
    private static let mapped = SocketAddress.ipv6(IPv6Address(mapping: .loopback), port: 7)

    private static let peerFour = SocketAddress("192.0.2.9:80")!
    private static let peerSix = SocketAddress("[2001:db8::9]:80")!
    private static let peerUnix = SocketAddress.unix(UnixAddress(path: "/tmp/x")!)

    @Test(
        "a connect takes the first local address of its family, or else an unspecified address",
        arguments: [
            ([], nil, nil),
            ([four], four, nil),
            ([six], nil, six),
            ([four, six], four, six),
            ([six, four], four, six),
            ([four, anyFour], four, anyFour),
            ([anyFour], anyFour, anyFour),
            ([anySix, four], four, anySix),
            ([anyFour, anySix], anyFour, anySix),
            ([mapped, six], mapped, six),
            ([.unnamed], .unnamed, .unnamed),
        ] as [([SocketAddress], SocketAddress?, SocketAddress?)])
    func sources(locals: [SocketAddress], four: SocketAddress?, six: SocketAddress?) throws {
        let options = ConnectOptions(localAddresses: locals)
        for (peer, expected) in [(Self.peerFour, four), (Self.peerSix, six)] {
            #expect(options.canReach(peer) == (expected != nil || locals.isEmpty))
            if expected == nil, !locals.isEmpty {
                #expect(throws: SocketError.self) { try options.localAddress(for: peer) }
            } else {
                #expect(try options.localAddress(for: peer) == expected)
            }
        }
    }

    @Test("the connect error names the local address if no local address has the peer's family")
    func wrongFamily() {
        for (peer, text) in [
            (Self.peerSix, "the peer's address is IPv6, so the local address must be IPv6 too"),
            (Self.peerUnix, "the peer's address is Unix, so the local address must be Unix too"),
        ] {
            let error = #expect(throws: SocketError.self) {
                try ConnectOptions(localAddress: Self.four).localAddress(for: peer)
            }
            #expect(error?.description == "cannot bind to 192.0.2.1:0: \(text)")
        }
    }

    @Test("a blocking connect of a Unix socket from an IPv4 address throws")
    func unixPeer() throws {
        let server = try Socket(on: .unix("@" + Loopback.unixPath()))
        let error = #expect(throws: SocketError.self) {
            try Socket(to: server.localAddress, options: .init(localAddress: Loopback.ipv4))
        }
        #expect(error?.operation == .bind)
    }

    @Test(
        "a connection to a name has the local address of the family that connected",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func eachFamily() throws {
        let sources = try PrivateMachine.runTask(
            files: ["hosts": "127.0.0.1 two.test\n::1 two.test\n"],
            commands: ["ip link set lo up", "ip -6 addr add 2001:db8::7/128 dev lo nodad"]
        ) { group in
            let locals = [
                SocketAddress.ipv4(IPv4Address(127, 0, 0, 7), port: 0),
                try #require(SocketAddress("[2001:db8::7]:0")),
            ]
            var sources: [SocketAddress] = []
            for host in [IPAddress.v4(.loopback), .v6(.loopback)] {
                let server = try Socket(on: SocketAddress(host, port: 0))
                let port = Port(try #require(server.localAddress.port))
                // The other family refuses, because no server listens there.
                let options = ConnectOptions(localAddresses: locals)
                let blocking = try Socket(to: .tcp("two.test", port: port), options: options)
                let inTask = try await Connection(
                    to: .tcp("two.test", port: port), group: group, options: options)
                sources += [blocking.localAddress, inTask.localAddress]
            }
            return sources.map { $0.with(port: 0) }
        }
        let expected = ["127.0.0.7:0", "[2001:db8::7]:0"].map { SocketAddress($0)! }
        #expect(sources == [expected[0], expected[0], expected[1], expected[1]])
    }
}
