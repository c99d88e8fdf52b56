import Testing

@testable import Sockets

@Suite("Proxy")
struct ProxyTests {
    private static let target = Endpoint.tcp("db.example", port: 5432)
    private static let one = Endpoint.tcp("one.example", port: 1080)
    private static let two = Endpoint.tcp("two.example", port: 3128)

    private func environment(_ variables: [String: String]) -> ProxyEnvironment {
        ProxyEnvironment { variables[$0] }
    }

    /// Returns the cause and the proxy of an error of `hops`.
    private func failure(_ proxy: Proxy, to target: Endpoint) throws -> SocketError {
        try #require(throws: SocketError.self) { try proxy.hops(to: target) }
    }

    @Test("a single proxy has one step, to the target")
    func single() throws {
        let hops = try Proxy.socks5(Self.one).hops(to: Self.target)
        #expect(hops.map(\.server) == [ProxyServer(.socks5, Self.one)])
        #expect(hops.map(\.destination) == [Self.target])
    }

    @Test("each proxy of a chain connects to the next one, also in nested chains")
    func chain() throws {
        let proxies: Proxy = [.socks5(Self.one), [.httpConnect(Self.two), []], .socks4a(Self.one)]
        let hops = try proxies.hops(to: Self.target)
        #expect(hops.map(\.server.scheme) == [.socks5, .http, .socks4a])
        #expect(hops.map(\.destination) == [Self.two, Self.one, Self.target])
        #expect(try ([] as Proxy).hops(to: Self.target).isEmpty)
    }

    @Test("the environment in a chain determines the proxy for the next destination")
    func environmentInChain() throws {
        let variables = environment([
            "all_proxy": "socks5://one.example", "no_proxy": "two.example",
        ])
        let before = try ([.fromEnvironment, .httpConnect(Self.two)] as Proxy)
            .hops(to: Self.target, variables)
        #expect(before.map(\.server.endpoint) == [Self.two])
        let after = try ([.httpConnect(Self.two), .fromEnvironment] as Proxy)
            .hops(to: Self.target, variables)
        #expect(after.map(\.server.endpoint) == [Self.two, Self.one])
        #expect(after.map(\.destination) == [Self.one, Self.target])
    }

    @Test("a proxy rejects a destination other than TCP, and an endpoint that is not a stream")
    func invalid() throws {
        let second = try failure([.socks5(Self.one), .socks5(.unix("/x"))], to: Self.target)
        #expect(second.cause == .invalidInput("a proxy can connect only to tcp:// endpoints"))
        #expect(second.proxyStep?.destination == .unix("/x"))
        #expect(
            "\(second)" == "cannot connect to db.example:5432: the proxy"
                + " socks5://one.example:1080, on the way to unix:/x, cannot be used: a proxy can"
                + " connect only to tcp:// endpoints")
        let first = try failure(.socks5(.udp("one.example", port: 1)), to: Self.target)
        #expect(first.cause == .invalidInput("its endpoint must be tcp:// or unix:"))
    }

    @Test("the description shows no user and no password")
    func description() {
        let proxies: Proxy = [
            .socks5(Self.one, user: "alice", password: "secret"), .fromEnvironment,
            .httpConnect(.tcp("::1", port: 80), user: "alice", password: "secret"),
        ]
        let text = "socks5://one.example:1080, the environment, http://[::1]:80"
        #expect("\(proxies)" == text)
        #expect(String(reflecting: proxies) == text)
        let options = ConnectOptions(through: proxies)
        var dumped = ""
        dump(options, to: &dumped)
        for shown in ["\(options)", String(reflecting: options), dumped] {
            #expect(shown.contains("socks5://one.example:1080"))
            #expect(!shown.contains("alice") && !shown.contains("secret"))
        }
    }

    @Test("a resolved address has an endpoint of the same transport")
    func endpoints() {
        let address = SocketAddress.ipv6(.loopback, port: 7)
        #expect(Endpoint(address, .stream) == .tcp("::1", port: 7))
        #expect(Endpoint(address, .datagram) == .udp("::1", port: 7))
        #expect(Endpoint(address, .sequencedPacket) == nil)
        #expect(Endpoint(.unnamed, .stream) == nil)
        let name = UnixAddress(abstract: "x").map { SocketAddress.unix($0) } ?? .unnamed
        #expect(Endpoint(name, .stream) == .unix("@x"))
        #expect(Endpoint(name, .datagram) == .unixDatagram("@x"))
        #expect(Endpoint(name, .sequencedPacket) == .unixSequencedPacket("@x"))
    }
}
