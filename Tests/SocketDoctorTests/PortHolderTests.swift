import Glibc
import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Holders of a port", .ownThread)
struct PortHolderTests {
    private func listener(_ cookie: UInt64, _ local: SocketAddress) -> MachineSocket {
        var socket = MachineSocket(.tcp, cookie: cookie, inode: UInt32(cookie), local: local)
        socket.isListening = true
        return socket
    }

    @Test("holders are the listening and bound sockets of the port, but not connections")
    func found() {
        var model = ModelMachine()
        model.program(1, "server")
        model.program(2, "worker", parent: 1)
        let tcp = listener(7, .ipv4(.any, port: 53))
        let udp = MachineSocket(.udp, cookie: 8, inode: 8, local: .ipv6(.any, port: 53))
        model.add(udp, to: 2)
        model.add(tcp, to: 2)
        _ = model.open(1, 7)
        model.add(listener(9, .ipv4(.any, port: 54)), to: 1)
        let connection = MachineSocket(
            .tcp, cookie: 10, inode: 10, local: .ipv4(.loopback, port: 53),
            statistics: MeasuredStatistics.quiet())
        model.add(connection, to: 1)
        let holders = model.analysis.holders(ofPort: 53)
        #expect(holders.map(\.socket.identity.cookie) == [7, 8])
        #expect(holders.map { $0.processes.map(\.id) } == [[1, 2], [2]])
        #expect(model.analysis.holders(ofPort: 55).isEmpty)
    }

    @Test("the user of a hidden holder is the user who opened the socket")
    func hidden() throws {
        var model = ModelMachine()
        var socket = listener(7, .ipv4(.any, port: 53))
        socket.user = 0
        model.add(socket)
        let holder = try #require(model.analysis.holders(ofPort: 53).first)
        #expect(holder.processes.isEmpty)
        #expect(holder.user == "root")
        socket.user = 4_000_000_000
        var other = ModelMachine()
        other.add(socket)
        #expect(other.analysis.holders(ofPort: 53).first?.user == "4000000000")
    }

    @Test(
        "the holder of a bound TCP or UDP port is the test process and its user, in both families",
        arguments: ["127.0.0.1", "::1"], [SocketType.stream, .datagram])
    func real(host: String, type: SocketType) throws {
        let endpoint: Endpoint =
            type == .stream ? .tcp(host, port: 0) : .udp(host, port: 0)
        let socket = try Socket(on: endpoint)
        let port = try #require(socket.localAddress.port)
        let analysis = try Analysis.ofMachine(MachineSocket.List.allCases)
        let holder = try #require(
            analysis.holders(ofPort: port).first { $0.socket.local == socket.localAddress })
        #expect(holder.socket.kind == (type == .stream ? .tcp : .udp))
        // A program that another test starts holds our descriptors between fork and exec.
        #expect(holder.processes.map(\.id).contains(getpid()))
        let name = System.nameOfUser(geteuid()).map { String(decoding: $0, as: UTF8.self) }
        #expect(holder.user == name ?? "\(geteuid())")
        withExtendedLifetime(socket) {}
    }
}
