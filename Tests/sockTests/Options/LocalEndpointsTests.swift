import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct LocalEndpointsTests {
    private func open(_ endpoints: LocalEndpoints) throws -> [SocketAddress] {
        let sockets = try endpoints.open(port: \.localAddress.port) {
            endpoint throws(SocketError) in try Socket(on: endpoint)
        }
        return sockets.map(\.localAddress)
    }

    @Test("a name with two addresses opens both addresses on one port")
    func twoAddresses() throws {
        let addresses = try open(LocalEndpoints(of: .tcp("localhost", port: 0), family: nil))
        #expect(addresses.map(\.ip) == [.v6(.loopback), .v4(.loopback)])
        #expect(Set(addresses.map(\.port)).count == 1)
        #expect(addresses[0].port != 0)
    }

    @Test("a family selects the addresses of a name")
    func family() throws {
        let endpoint = Endpoint.udp("localhost", port: 0)
        let four = try open(LocalEndpoints(of: endpoint, family: .ipv4))
        #expect(four.map(\.ip) == [.v4(.loopback)])
        let six = try open(LocalEndpoints(of: endpoint, family: .ipv6))
        #expect(six.map(\.ip) == [.v6(.loopback)])
    }

    @Test("an address that this machine lacks is skipped if another address can be opened")
    func missingAddress() throws {
        let missing = Endpoint.tcp("192.0.2.1", port: 0)
        let addresses = try open(LocalEndpoints([missing, .tcp("127.0.0.1", port: 0)]))
        #expect(addresses.map(\.ip) == [.v4(.loopback)])
        var skipped: [String?] = []
        _ = try LocalEndpoints([missing, .tcp("127.0.0.1", port: 0)]).open(
            port: \.localAddress.port, skipped: { endpoint, _ in skipped.append(endpoint.host) },
            { endpoint throws(SocketError) in try Socket(on: endpoint) })
        #expect(skipped == ["192.0.2.1"])
        let error = #expect(throws: SocketError.self) { try open(LocalEndpoints([missing])) }
        #expect(error?.errno == .addressNotAvailable)
    }

    @Test("LocalEndpoints.group is the first address that is a multicast group")
    func groups() {
        let endpoints = LocalEndpoints([.tcp("::1", port: 1), .tcp("239.1.1.1", port: 1)])
        #expect(endpoints.group?.address == IPAddress("239.1.1.1"))
        #expect(LocalEndpoints([.tcp("::1", port: 1)]).group == nil)
    }

    @Test("a used port throws EADDRINUSE even if the port is free on another address")
    func usedPort() throws {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let endpoint = Endpoint.tcp("localhost", port: Port(server.localAddress.port ?? 0))
        let error = #expect(throws: SocketError.self) {
            try open(LocalEndpoints(of: endpoint, family: nil))
        }
        #expect(error?.errno == .addressInUse)
    }

    @Test("open tries another port if the kernel's first choice is in use on the second address")
    func takenPort() throws {
        var taken: [UInt16] = []
        let endpoints = LocalEndpoints([.tcp("::1", port: 0), .tcp("127.0.0.1", port: 0)])
        let ports = try endpoints.open(port: { (port: UInt16) in port }) {
            endpoint throws(SocketError) in
            let port = endpoint.port?.number ?? 0
            if endpoint.host == "::1" {
                taken.append(40_000 + UInt16(taken.count))
                return taken[taken.count - 1]
            }
            guard port == 40_002 else { throw SocketError(.bind, .system(.addressInUse)) }
            return port
        }
        #expect(ports == [40_002, 40_002])
    }
}
