import SystemPackage
import Testing

@testable import Sockets

@Suite("Socket: replies", .ownThread)
struct SocketReplyingTests {
    private static let targets = [
        SocketAddress("127.0.0.2:0")!, SocketAddress("127.0.0.1:0")!, SocketAddress("[::1]:0")!,
    ]

    @Test("a wildcard server replies from the address that the client used", arguments: targets)
    func wildcard(target: SocketAddress) throws {
        let server = try Socket(on: .udp(port: 0))
        try expectReplies(from: server, to: target)
    }

    @Test("a socket bound with bind(on:) replies from the address that the client used")
    func boundByHand() throws {
        let server = try Socket(.ipv4, .datagram)
        try server.bind(on: .ipv4(.any, port: 0))
        try expectReplies(from: server, to: Self.targets[0])
    }

    @Test(
        "an adopted server at the wildcard address replies from the address that the client used",
        arguments: targets)
    func adopted(target: SocketAddress) throws {
        let family: AddressFamily = target.family == .ipv4 ? .ipv4 : .ipv6
        let descriptor = try System.socket(family, .datagram)
        let wildcard = SocketAddress(target.family == .ipv4 ? .v4(.any) : .v6(.any), port: 0)
        try System.bind(descriptor, wildcard.raw(for: family))
        let server = try Socket(adopting: FileDescriptor(rawValue: descriptor))
        try expectReplies(from: server, to: target)
    }

    @Test("a socket that was bound by its first send replies from the address that the client used")
    func boundBySending() throws {
        let receiver = try Loopback.udp()
        let server = try Socket(.ipv4, .datagram)
        try server.send("x", to: receiver.localAddress)
        // Receiving must work before `localAddress` is read.
        let client = try Socket(.ipv4, .datagram)
        let port = try #require(try receiver.receiveFrom(timeout: .seconds(5)).sender.port)
        try client.send("y", to: Self.targets[0].with(port: port))
        let datagram = try server.receiveFrom(timeout: .seconds(5))
        #expect(datagram.localAddress == Self.targets[0].with(port: port))
        try expectReplies(from: server, to: Self.targets[0])
    }

    @Test("a disconnected socket gets a new port and replies from the address that the client used")
    func disconnected() throws {
        let receiver = try Loopback.udp()
        let server = try Socket(to: receiver.localAddress, type: .datagram)
        try server.connect(to: .unnamed)
        #expect(server.localAddress.port == 0)
        try server.send("x", to: receiver.localAddress)
        #expect(server.localAddress.port != 0)
        try expectReplies(from: server, to: Self.targets[0])
    }

    @Test("a server that is bound to one address replies from that address")
    func oneAddress() throws {
        let server = try Socket(on: .udp("127.0.0.2", port: 0))
        try expectReplies(from: server, to: Self.targets[0])
    }

    private func expectReplies(from server: Socket, to target: SocketAddress) throws {
        let used = target.with(port: try #require(server.localAddress.port))
        let client = try Socket(to: used, type: .datagram)
        try client.send("one")
        let datagram = try server.receiveFrom(timeout: .seconds(5))
        #expect(datagram.localAddress == used)
        #expect(datagram.sender == client.localAddress)
        #expect(try server.reply(to: datagram, with: datagram.bytes))
        #expect(try client.receive(timeout: .seconds(5)) == Array("one".utf8))
        #expect(try server.reply(to: datagram, with: "two"))
        #expect(try client.receive(timeout: .seconds(5)) == Array("two".utf8))

        try client.send("three")
        var storage = [UInt8](repeating: 0, count: 16)
        var bytes = storage.mutableSpan
        var buffer = bytes.mutableBytes
        let header = try server.receiveFrom(into: &buffer, timeout: .seconds(5))
        #expect(header.localAddress == used)
        #expect(try server.reply(to: header, with: "three".utf8.span.bytes))
        #expect(try client.receive(timeout: .seconds(5)) == Array("three".utf8))
    }

    @Test(
        "reply returns false for a sender that cannot receive a reply",
        arguments: ["127.0.0.1:0", "[::1]:0", "0.0.0.0:9", "unnamed"])
    func noReply(sender: String) throws {
        let server = try Socket(on: .udp(port: 0))
        let datagram = Datagram(bytes: [1], sender: try #require(SocketAddress(sender)))
        #expect(try !server.reply(to: datagram, with: "x"))
    }

    @Test("a Unix sender that has no name or has closed gets no reply")
    func unix() throws {
        let server = try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
        let nameless = try Socket(to: server.localAddress, type: .datagram)
        try nameless.send("x")
        let datagram = try server.receiveFrom(timeout: .seconds(5))
        #expect(datagram.localAddress == server.localAddress)
        #expect(try !server.reply(to: datagram, with: "y"))
        let gone = SocketAddress.unix(try #require(UnixAddress(abstract: Loopback.unixPath())))
        #expect(try !server.reply(to: Datagram(bytes: [], sender: gone), with: "y"))
    }

    @Test("reply throws if the datagram is too long")
    func tooLong() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let datagram = Datagram(bytes: [], sender: .ipv4(.loopback, port: 9))
        let error = #expect(throws: SocketError.self) {
            try server.reply(to: datagram, with: [UInt8](repeating: 0, count: 65_508))
        }
        #expect(error?.errno == .messageTooLong)
    }
}
