import Foundation
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct DatagramListenerTests {
    @Test("every sender receives the input as a reply, even after the end of input")
    func everySender() throws {
        let listener = try RunningSock("-lu", "127.0.0.1", "0")
        let port = try Port(parsing: listener.port())
        listener.write("pong")
        listener.endInput()
        for name in ["one", "two"] {
            let sender = try Socket(to: .udp("127.0.0.1", port: port))
            try sender.send(name)
            #expect(try sender.receive(timeout: .seconds(10)) == Array("pong".utf8))
        }
        try listener.waitForOutput("onetwo")
        listener.send(signal: 15)
        #expect(try listener.outcome().status == 0)
    }

    @Test("later input is sent to all earlier senders")
    func conversation() throws {
        let listener = try RunningSock("-lu", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let port = try Port(parsing: listener.port())
        let senders = try (0..<2).map { _ in try Socket(to: .udp("127.0.0.1", port: port))
        }
        for sender in senders { try sender.send("x") }
        try listener.waitForOutput("xx")
        listener.write("news")
        for sender in senders {
            #expect(try sender.receive(timeout: .seconds(10)) == Array("news".utf8))
        }
    }

    @Test("-w ends sock -lu after the idle time, and -q after the end of input")
    func limits() throws {
        for flag in ["-w0.2", "-q0.2"] {
            let listener = try RunningSock("-lu", flag, "127.0.0.1", "0")
            listener.endInput()
            let port = try Port(parsing: listener.port())
            let sender = try Socket(to: .udp("127.0.0.1", port: port))
            try sender.send("x")
            let outcome = try listener.outcome()
            #expect(outcome.status == 0)
            #expect(outcome.text == "x")
        }
    }

    @Test(
        "a reply comes from the address that the datagram was sent to",
        arguments: [
            (["-lu"], "127.0.0.2"), (["-luk"], "127.0.0.2"), (["-lu", "::"], "127.0.0.2"),
            (["-lu", "0.0.0.0"], "127.0.0.2"), (["-lu"], "::1"), (["-lu", "localhost"], "::1"),
            (["-lu", "localhost"], "127.0.0.1"),
        ])
    func addressOfReply(words: [String], host: String) throws {
        let listener = try RunningSock(words + ["0"])
        defer { listener.send(signal: 15) }
        let port = try Port(parsing: listener.port())
        listener.write("pong")
        // A connected socket does not receive a reply from another address.
        let sender = try Socket(to: .udp(host, port: port))
        try sender.send("ping")
        #expect(try sender.receive(timeout: .seconds(10)) == Array("pong".utf8))
    }

    @Test("a sender that sends to a new address receives replies from the new address")
    func changedAddress() throws {
        let listener = try RunningSock("-lu", "0")
        defer { listener.send(signal: 15) }
        let port = try Port(parsing: listener.port()).number ?? 0
        let sender = try Socket(on: .udp("0.0.0.0", port: 0))
        for (host, reply) in [("127.0.0.2", "one"), ("127.0.0.3", "two")] {
            let address = SocketAddress(try #require(IPAddress(host)), port: port)
            try sender.send(host, to: address)
            try listener.waitForOutput { $0.hasSuffix(host) }
            listener.write(reply)
            let datagram = try sender.receiveFrom(timeout: .seconds(10))
            #expect(datagram.text == reply)
            #expect(datagram.sender == address)
        }
    }

    @Test("with -v, a reply that cannot be sent is reported with the sender and the reason")
    func lostReply() throws {
        let folder = FileManager.default.temporaryDirectory.path
        let paths = (0..<2).map { _ in "\(folder)/sock-\(UUID().uuidString)" }
        let listener = try RunningSock("-luv", "-U", paths[0])
        try listener.waitForErrors { $0.contains("Listening on") }
        let sender = try Socket(on: .unixDatagram(paths[1]))
        try sender.send("x", to: .unix(try #require(UnixAddress(path: paths[0]))))
        try listener.waitForOutput("x")
        // This removes the socket file, too.
        sender.close()
        listener.write("pong")
        try listener.waitForErrors {
            $0.hasSuffix(
                "cannot reply to \(paths[1]): its socket is gone, or accepts no datagrams from this"
                    + " user\n")
        }
        // Wait, because the program removes its socket file.
        listener.send(signal: 15)
        #expect(try listener.outcome().status == 0)
    }

    @Test("the reason why a sender receives no reply depends on the sender's port")
    func reasons() {
        func reason(_ port: UInt16) -> String {
            DatagramListener.reasonForNoReply(to: .ipv4(IPv4Address(192, 0, 2, 1), port: port))
        }
        #expect(reason(0) == "port 0 means that the sender expects no reply")
        #expect(reason(9) == "no route leads there, or a firewall forbids it")
    }

    @Test("sock -lu joins a multicast group on the named interface and receives its packets")
    func group() throws {
        let listener = try RunningSock("-luv", "239.77.1.1%lo", "0")
        defer { listener.send(signal: 15) }
        let port = try Port(parsing: listener.port()).number ?? 0
        try listener.waitForErrors { $0.hasSuffix(" (joined the multicast group on lo)\n") }
        let sender = try Socket(.ipv4, .datagram)
        try sender.setMulticastInterface("lo")
        let group = try #require(IPAddress("239.77.1.1"))
        try sender.send("hello", to: SocketAddress(group, port: port))
        try listener.waitForOutput("hello")
    }

    @Test("two listeners on one machine receive the packets of one multicast group")
    func sharedGroup() throws {
        let first = try RunningSock("-lu", "239.77.1.2%lo", "0")
        defer { first.send(signal: 15) }
        let port = try first.port()
        let second = try RunningSock("-luv", "239.77.1.2%lo:\(port)")
        defer { second.send(signal: 15) }
        try second.waitForErrors { $0.contains("joined the multicast group") }
        let sender = try Socket(.ipv4, .datagram)
        try sender.setMulticastInterface("lo")
        let group = try #require(IPAddress("239.77.1.2"))
        try sender.send("x", to: SocketAddress(group, port: Port(parsing: port).number ?? 0))
        for listener in [first, second] { try listener.waitForOutput("x") }
    }

    @Test("a multicast group of the wrong family is refused")
    func refusedGroups() throws {
        let other = try SockProgram.run("-lu6", "239.77.1.1%lo", "0")
        #expect(other.status == 6)
        #expect(other.errors.contains("only IPv6 is allowed"))
    }
}
