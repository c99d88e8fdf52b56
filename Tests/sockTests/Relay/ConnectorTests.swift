import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ConnectorTests {
    private let server: Socket
    private let endpoint: Endpoint

    init() throws {
        server = try Socket(on: .tcp("127.0.0.1", port: 0))
        endpoint = .tcp("127.0.0.1", port: Port(server.localAddress.port ?? 0))
    }

    @Test("a Connector connects from the given address and port")
    func from() throws {
        let (spare, text) = try Peer.boundPort()
        spare.close()
        let port = try #require(UInt16(text))
        let here = IPv4Address(127, 0, 0, 2)
        let both = try Connector(source: .v4(here), port: port).connect(to: endpoint)
        #expect(both.localAddress == .ipv4(here, port: port))
        let address = try Connector(source: .v4(here)).connect(to: endpoint)
        #expect(address.localAddress.ip == .v4(here))
    }

    @Test("a Connector with a local port but no local address uses the family of the endpoint")
    func portAlone() throws {
        let (spare, text) = try Peer.boundPort()
        spare.close()
        let socket = try Connector(port: UInt16(text)).connect(to: endpoint)
        #expect(socket.localAddress.port == UInt16(text))
    }

    @Test("a local port races both families, and the error names all addresses")
    func race() throws {
        let (spare, text) = try Peer.boundPort()
        spare.close()
        let connector = Connector(port: UInt16(text), limit: .seconds(5))
        let named = Endpoint.tcp("localhost", port: endpoint.port ?? 1)
        #expect(try connector.connect(to: named).localAddress.port == UInt16(text))
        let (closed, port) = try Peer.boundPort()
        closed.close()
        let error = #expect(throws: SocketError.self) {
            try connector.connect(to: .tcp("localhost", port: Port(parsing: port)))
        }
        let addresses = Set(error?.attempts.map(\.address.ip) ?? [])
        #expect(addresses == Set(try Resolver.resolve(named).map(\.ip)))
    }

    @Test("-n accepts a numeric address and rejects a host name")
    func numeric() throws {
        #expect(
            try Connector(isNumeric: true).connect(to: endpoint).remoteAddress
                == server.localAddress)
        let error = #expect(throws: SocketError.self) {
            try Connector(isNumeric: true).connect(to: .tcp("localhost", port: 1))
        }
        #expect(error.map(ExitStatus.init) == .nameNotResolved)
    }

    @Test("a local address of another machine throws an error with the status `cannotBind`")
    func foreign() {
        let error = #expect(throws: SocketError.self) {
            try Connector(source: .v4(IPv4Address(192, 0, 2, 1))).connect(to: endpoint)
        }
        #expect(error.map(ExitStatus.init) == .cannotBind)
    }

    @Test("-s with an address of the wrong family is a usage error that names both addresses")
    func otherFamily() throws {
        for words in [["-s", "::1", "127.0.0.1", "80"], ["-u", "-s", "127.0.0.1", "::1", "80"]] {
            let outcome = try SockProgram.run(words)
            #expect(outcome.status == 2)
            #expect(outcome.errorLines.count == 1)
            for address in ["-s", "127.0.0.1", "::1"] { #expect(outcome.errors.contains(address)) }
        }
    }

    @Test("a Unix datagram client is bound to a name and receives a reply")
    func unixDatagrams() throws {
        let server = try Socket(
            on: .unixDatagram("@sock-connector-test-\(UInt64.random(in: 0...(.max)))"))
        guard case .unix(let name) = server.localAddress else {
            Issue.record("\(server.localAddress)")
            return
        }
        let client = try Connector().connectDatagrams(to: .unixDatagram("\(name)")).current
        try client.send("x")
        let datagram = try server.receiveFrom(timeout: .seconds(5))
        try server.send("y", to: datagram.sender)
        #expect(try client.receive(timeout: .seconds(5)) == [121])
    }
}
