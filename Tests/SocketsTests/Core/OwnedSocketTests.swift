import Testing

@testable import Sockets

@Suite("OwnedSocket", .ownThread, .enabled(if: PrivateMachine.isAvailable, "needs root"))
struct OwnedSocketTests {
    private static let tenPorts = [
        "ip link set lo up", "echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range",
    ]

    @Test(
        "connections to different servers share local ports if no local port is given",
        arguments: [IPAddress.v4(.loopback), .v6(.loopback)])
    func sharedPorts(ip: IPAddress) throws {
        let counts = try PrivateMachine.run(commands: Self.tenPorts) {
            var held: [Socket] = []
            return try [UInt16](7001...7003).map { port in
                let server = try Socket(on: SocketAddress(ip, port: port))
                held.append(server)
                for _ in 0..<10 {
                    let client = try? Socket(
                        to: server.localAddress,
                        options: .init(localAddress: SocketAddress(ip, port: 0)))
                    guard let client else { break }
                    held.append(client)
                }
                return held.count { $0.remoteAddress == server.localAddress }
            }
        }
        #expect(counts == [10, 10, 10])
    }

    @Test(
        "async connections to different servers share local ports if no local port is given",
        arguments: [IPAddress.v4(.loopback), .v6(.loopback)])
    func sharedPortsInTasks(ip: IPAddress) throws {
        let counts = try PrivateMachine.runTask(commands: Self.tenPorts) { group in
            var counts: [Int] = []
            // A server that closes would reset its clients, whose ports would be free again.
            var servers: [Socket] = []
            defer { withExtendedLifetime(servers) {} }
            var held: [Connection] = []
            for port in UInt16(7001)...7003 {
                let server = try Socket(on: SocketAddress(ip, port: port))
                servers.append(server)
                for _ in 0..<10 {
                    let client = try? await Connection(
                        to: .tcp(ip, port: port), group: group,
                        options: .init(localAddress: SocketAddress(ip, port: 0)))
                    guard let client else { break }
                    held.append(client)
                }
                counts.append(held.count { $0.remoteAddress == server.localAddress })
            }
            return counts
        }
        #expect(counts == [10, 10, 10])
    }

    @Test("a connect from a given port uses that port")
    func chosenPort() throws {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let holder = try Socket(on: .tcp("127.0.0.2", port: 0))
        let local = SocketAddress.ipv4(
            IPv4Address(127, 0, 0, 3), port: try #require(holder.localAddress.port))
        let client = try Socket(to: server.localAddress, options: .init(localAddress: local))
        #expect(client.localAddress == local)
    }
}
