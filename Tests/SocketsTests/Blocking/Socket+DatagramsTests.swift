import Testing

@testable import Sockets

@Suite("Socket: datagrams", .ownThread)
struct SocketDatagramsTests {
    @Test("a received datagram has the address of its sender, and a reply to that address arrives")
    func sendAndAnswer() throws {
        let server = try Loopback.udp()
        let client = try Socket(.ipv4, .datagram)
        try client.send("question", to: server.localAddress)
        let question = try server.receiveFrom(timeout: .seconds(5))
        #expect(question.text == "question")
        #expect(question.sender.port == client.localAddress.port)
        try server.send("answer", to: question.sender)
        let answer = try client.receiveFrom(timeout: .seconds(5))
        #expect(answer.text == "answer")
        #expect(answer.sender == server.localAddress)
        // The first send has bound the client, which then learns to which of its addresses it was sent.
        #expect(answer.localAddress?.ip == .v4(.loopback))
    }

    @Test("an empty datagram is received as a datagram of zero bytes")
    func zeroLength() throws {
        let server = try Loopback.udp()
        let client = try Loopback.udp()
        #expect(try client.send([], to: server.localAddress) == 0)
        try client.send("next", to: server.localAddress)
        let empty = try server.receiveFrom(timeout: .seconds(5))
        #expect(empty.bytes.isEmpty)
        #expect(empty.sender == client.localAddress)
        #expect(!empty.isTruncated)
        #expect(try server.receiveFrom(timeout: .seconds(5)).text == "next")
    }

    @Test(
        "receiveFrom marks a datagram longer than the buffer as truncated",
        arguments: [SocketType.datagram]
    )
    func truncation(_ kind: SocketType) throws {
        let (one, other) = try Socket.pair(kind)
        try one.send("twelve bytes")
        let cut = try other.receiveFrom(atMost: 6)
        #expect(cut.text == "twelve")
        #expect(cut.isTruncated)
        try one.send("exact")
        #expect(try !other.receiveFrom(atMost: 5).isTruncated)
        try one.send("nothing fits")
        let none = try other.receiveFrom(atMost: 0)
        #expect(none.bytes.isEmpty)
        #expect(none.isTruncated)
    }

    @Test("receiveFrom(into:) returns the original length of a truncated datagram")
    func header() throws {
        let server = try Loopback.udp()
        let client = try Loopback.udp()
        try client.send("0123456789", to: server.localAddress)
        var array = [UInt8](repeating: 0, count: 4)
        var elements = array.mutableSpan
        var bytes = elements.mutableBytes
        let header = try server.receiveFrom(into: &bytes, timeout: .seconds(5))
        #expect(header.count == 4)
        #expect(header.originalCount == 10)
        #expect(header.isTruncated)
        #expect(header.sender == client.localAddress)
        #expect(array == Array("0123".utf8))
    }

    @Test("a Unix datagram has the sender's path, or .unnamed if the sender is not bound")
    func unixDatagrams() throws {
        let path = Loopback.unixPath()
        let server = try Socket(on: .unixDatagram(path))
        let named = try Socket(on: .unixDatagram("@\(path)"))
        let unnamed = try Socket(.unix, .datagram)
        try named.send("named", to: server.localAddress)
        try unnamed.send("unnamed", to: server.localAddress)
        let first = try server.receiveFrom(timeout: .seconds(5))
        #expect(first.sender == named.localAddress)
        #expect(try server.receiveFrom(timeout: .seconds(5)).sender == .unnamed)
        try server.send("back", to: first.sender)
        #expect(try named.receive(timeout: .seconds(5)) == Array("back".utf8))
    }

    @Test("a dual-stack socket reports an IPv4 sender as IPv4 and can reply")
    func dualStack() throws {
        let server = try Socket(on: .udp(port: 0))
        let port = try #require(server.localAddress.port)
        let client = try Socket(.ipv4, .datagram)
        try client.send("v4", to: .ipv4(.loopback, port: port))
        let datagram = try server.receiveFrom(timeout: .seconds(5))
        #expect(datagram.sender == .ipv4(.loopback, port: try #require(client.localAddress.port)))
        try server.send("back", to: datagram.sender)
        #expect(try client.receiveFrom(timeout: .seconds(5)).text == "back")
    }

    @Test("send to a broadcast address throws EACCES unless the broadcast option is set")
    func broadcast() throws {
        let socket = try Loopback.udp()
        let everybody = SocketAddress.ipv4(IPv4Address(127, 255, 255, 255), port: 9)
        let error = #expect(throws: SocketError.self) { try socket.send("x", to: everybody) }
        #expect(error?.errno == .permissionDenied)
        try socket.setOption(.broadcast, to: true)
        #expect(try socket.send("x", to: everybody) == 1)
    }

    @Test("the error of sending to a missing Unix path names the path")
    func noReceiver() throws {
        let socket = try Socket(.unix, .datagram)
        let path = Loopback.unixPath()
        let address = try #require(UnixAddress(path: path))
        let error = #expect(throws: SocketError.self) { try socket.send("x", to: .unix(address)) }
        #expect(error?.description == "cannot send to \(path): no such file or directory")
    }
}
