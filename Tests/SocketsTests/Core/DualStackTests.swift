import SystemPackage
import Testing

@testable import Sockets

/// Which families a socket on the wildcard address `::` serves.
@Suite("Dual stack", .ownThread)
struct DualStackTests {
    /// A bound socket, and the closure that keeps it open.
    private struct Server {
        let name: String
        let address: SocketAddress
        let socket: any Sendable
    }

    /// Returns a socket of each type that listens on TCP in each way.
    private func streams(_ options: ListenOptions) async throws -> [Server] {
        var servers: [Server] = []
        for host in ["", "::"] {
            let socket = try Socket(on: .tcp(host, port: 0), options: options)
            let listener = try await Listener(on: .tcp(host, port: 0), options: options)
            var sharding = options
            sharding.sharded = true
            let sharded = try await Listener(on: .tcp(host, port: 0), options: sharding)
            servers += [
                Server(name: "Socket '\(host)'", address: socket.localAddress, socket: socket),
                Server(
                    name: "Listener '\(host)'", address: listener.localAddress, socket: listener),
                Server(name: "sharded '\(host)'", address: sharded.localAddress, socket: sharded),
            ]
        }
        let any = SocketAddress.ipv6(.any, port: 0)
        let socket = try Socket(on: any, options: options)
        let listener = try Listener(on: any, options: options)
        return servers + [
            Server(name: "Socket [::]", address: socket.localAddress, socket: socket),
            Server(name: "Listener [::]", address: listener.localAddress, socket: listener),
        ]
    }

    /// Returns a socket of each type that is bound to a UDP port in each way.
    private func datagrams(_ options: ListenOptions) async throws -> [Server] {
        var servers: [Server] = []
        for host in ["", "::"] {
            let socket = try Socket(on: .udp(host, port: 0), options: options)
            let channel = try await DatagramChannel(on: .udp(host, port: 0), options: options)
            servers += [
                Server(name: "UDP '\(host)'", address: socket.localAddress, socket: socket),
                Server(name: "channel '\(host)'", address: channel.localAddress, socket: channel),
            ]
        }
        let any = SocketAddress.ipv6(.any, port: 0)
        let socket = try Socket(on: any, type: .datagram, options: options)
        let channel = try DatagramChannel(on: any, options: options)
        return servers + [
            Server(name: "UDP [::]", address: socket.localAddress, socket: socket),
            Server(name: "channel [::]", address: channel.localAddress, socket: channel),
        ]
    }

    /// Returns whether a client of this address reaches the server.
    private func isReached(_ server: Server, by ip: IPAddress, _ type: SocketType) throws -> Bool {
        let target = SocketAddress(ip, port: try #require(server.address.port))
        do throws(SocketError) {
            let client = try Socket(to: target, type: type)
            // The second send throws the rejection of the first.
            if type == .datagram { for _ in 0..<2 { try client.send("x") } }
            return true
        } catch {
            guard error.errno == .connectionRefused else { throw error }
            return false
        }
    }

    @Test("a socket on :: or without a host serves IPv4 and IPv6")
    func bothFamilies() async throws {
        for (type, servers) in [
            (SocketType.stream, try await streams(.init())),
            (.datagram, try await datagrams(.init())),
        ] {
            for server in servers {
                #expect(server.address.ip == .v6(.any), "\(server.name)")
                for ip in [IPAddress.v4(.loopback), .v6(.loopback)] {
                    #expect(try isReached(server, by: ip, type), "\(server.name) \(ip)")
                }
            }
        }
    }

    @Test(
        "the family IPv6 or the option ipv6Only restricts a socket on :: to IPv6",
        arguments: [
            ListenOptions(family: .ipv6), ListenOptions(socketOptions: [.set(.ipv6Only, to: true)]),
        ])
    func onlyIPv6(options: ListenOptions) async throws {
        for (type, servers) in [
            (SocketType.stream, try await streams(options)),
            (.datagram, try await datagrams(options)),
        ] {
            for server in servers {
                #expect(server.address.ip == .v6(.any), "\(server.name)")
                #expect(try !isReached(server, by: .v4(.loopback), type), "\(server.name)")
                #expect(try isReached(server, by: .v6(.loopback), type), "\(server.name)")
            }
        }
    }

    @Test("a server on a name with several addresses listens only on the first address")
    func firstAddress() async throws {
        let first = SocketAddress.ipv6(.loopback, port: 0)
        let servers = [
            try Socket(on: .tcp("localhost", port: 0)).localAddress,
            try Socket(on: .udp("localhost", port: 0)).localAddress,
            try await Listener(on: .tcp("localhost", port: 0)).localAddress,
            try await DatagramChannel(on: .udp("localhost", port: 0)).localAddress,
        ]
        for server in servers { #expect(server.ip == first.ip) }
    }

    @Test("a UDP client uses the first address of a name, unless the family option selects another")
    func datagramClients() async throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let endpoint = Endpoint.udp("localhost", port: Port(try #require(server.localAddress.port)))
        let socket = try Socket(to: endpoint)
        let channel = try await DatagramChannel(to: endpoint)
        for address in [socket.remoteAddress, channel.remoteAddress] {
            #expect(address.ip == .v6(.loopback))
        }
        try socket.send("lost")
        try await channel.send("lost")
        let refused = [
            #expect(throws: SocketError.self) { try socket.receive(timeout: .seconds(10)) },
            await #expect(throws: SocketError.self) {
                try await channel.receive(timeout: .seconds(10))
            },
        ]
        for error in refused {
            #expect(error?.errno == .connectionRefused)
            #expect(error?.remoteAddress?.ip == .v6(.loopback))
        }
        let options = ConnectOptions(family: .ipv4)
        try Socket(to: endpoint, options: options).send("from a socket")
        try await DatagramChannel(to: endpoint, options: options).send("from a channel")
        for text in ["from a socket", "from a channel"] {
            #expect(try server.receiveFrom(timeout: .seconds(10)).text == text)
        }
    }

    @Test("an IPv6 address other than :: does not serve IPv4")
    func otherAddresses() async throws {
        let socket = try Socket(on: .ipv6(.loopback, port: 0))
        #expect(try socket.option(.ipv6Only))
        let channel = try await DatagramChannel(on: .udp("::1", port: 0))
        #expect(try channel.option(.ipv6Only))
    }

    @Test("a mapped address is used as its IPv4 address in every bind and connect")
    func mappedAddresses() async throws {
        let mapped = try #require(SocketAddress("[::ffff:127.0.0.1]:0"))
        let host = "::ffff:127.0.0.1"
        let socket = try Socket(on: mapped)
        let listener = try Listener(on: mapped)
        let sharded = try await Listener(
            on: .tcp(host, port: 0), options: .init(sharded: true))
        let named = try Socket(on: .tcp(host, port: 0))
        for address in [
            socket.localAddress, listener.localAddress, sharded.localAddress, named.localAddress,
        ] {
            let port = try #require(address.port)
            #expect(address == .ipv4(.loopback, port: port))
            let options = ConnectOptions(localAddress: mapped)
            for peer in [address, mapped.with(port: port)] {
                let client = try Socket(to: peer, options: options)
                #expect(client.localAddress.ip == .v4(.loopback))
                #expect(client.remoteAddress == address)
                let connection = try await Connection(to: peer, options: options)
                #expect(connection.remoteAddress == address)
            }
        }

        let receiver = try Socket(on: mapped, type: .datagram)
        let channel = try DatagramChannel(on: mapped)
        let byHand = try Socket(.ipv4, .datagram)
        try byHand.bind(on: mapped)
        for address in [receiver.localAddress, channel.localAddress, byHand.localAddress] {
            let port = try #require(address.port)
            #expect(address == .ipv4(.loopback, port: port))
            let client = try DatagramChannel(
                to: mapped.with(port: port), options: ConnectOptions(localAddress: mapped))
            #expect(client.remoteAddress == address)
            let sender = try Socket(.ipv4, .datagram)
            try sender.send("x", to: mapped.with(port: port))
        }
    }
}
