import Testing

@testable import SocketDoctor
@testable import Sockets

@Suite("Decoding of the kernel's lists")
struct MachineSocketDecodingTests {
    private typealias Netlink = NetlinkMessageTests

    /// `struct inet_diag_msg` and its attributes.
    static func tcp(
        family: UInt8 = 2, state: UInt8 = 1, local: [UInt8] = [127, 0, 0, 1], port: UInt16 = 80,
        interface: UInt32 = 0, unread: UInt32 = 0, queued: UInt32 = 0, inode: UInt32 = 4026,
        timer: UInt8 = 0, expiry: UInt32 = 0, attributes: [UInt8] = []
    ) -> [UInt8] {
        func address(_ bytes: [UInt8]) -> [UInt8] {
            bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
        }
        var body: [UInt8] = [family, state, timer, 0]
        body.append(half: port.bigEndian)
        body.append(half: UInt16(40_000).bigEndian)
        body += address(local) + address(local)
        body.append(word: interface)
        body.append(word: 77)
        body.append(word: 0)
        body.append(word: expiry)
        body.append(word: unread)
        body.append(word: queued)
        body.append(word: 1000)
        body.append(word: inode)
        return NetlinkMessageTests.message(20, body + attributes)
    }

    /// `struct unix_diag_msg` and its attributes.
    static func unix(
        type: UInt8 = 1, state: UInt8 = 1, inode: UInt32 = 5000, attributes: [UInt8] = []
    ) -> [UInt8] {
        var body: [UInt8] = [1, type, state, 0]
        body.append(word: inode)
        body.append(word: 88)
        body.append(word: 0)
        return NetlinkMessageTests.message(20, body + attributes)
    }

    private static func text(_ words: UInt32...) -> [UInt8] {
        words.reduce(into: []) { $0.append(word: $1) }
    }

    private func only(_ bytes: [UInt8]) throws -> MachineSocket {
        let (sockets, _, _) = MachineSocket.decode(bytes[...], at: .seconds(9))
        #expect(sockets.count == 1)
        return try #require(sockets.first)
    }

    @Test("a TCP entry is decoded into addresses, queues, user and time")
    func connection() throws {
        let memory = Self.text(0, 131_072, 0, 2_626_560)
        let socket = try only(
            Self.tcp(unread: 5, queued: 6, attributes: Netlink.attribute(7, memory)))
        #expect(socket.kind == .tcp)
        #expect(socket.identity.cookie == 77)
        #expect("\(socket.local) \(socket.remote)" == "127.0.0.1:80 127.0.0.1:40000")
        #expect(socket.inode == 4026)
        #expect(socket.user == 1000)
        #expect(socket.statistics.state == .established)
        #expect(socket.statistics.receiveQueue == 5)
        #expect(socket.statistics.sendQueue == 6)
        #expect(socket.statistics.receiveBufferSize == 131_072)
        #expect(socket.statistics.sendBufferSize == 2_626_560)
        #expect(socket.statistics.takenAt == .seconds(9))
        #expect(!socket.isListening)
    }

    @Test("the time to the next retransmission is decoded only if the retransmission timer runs")
    func timer() throws {
        let running = try only(Self.tcp(timer: 1, expiry: 492))
        #expect(running.statistics.timeToRetransmission == .milliseconds(492))
        // Timer 2 is the one for keep-alive probes.
        let keepAlive = try only(Self.tcp(timer: 2, expiry: 492))
        #expect(keepAlive.statistics.timeToRetransmission == nil)
    }

    @Test("a FIN is not counted as an unread byte")
    func end() throws {
        let socket = try only(Self.tcp(state: 8, unread: 1))
        #expect(socket.statistics.receiveQueue == 0)
        #expect(socket.statistics.hasPeerHalfClosed == true)
        #expect(try only(Self.tcp(state: 8, unread: 0)).statistics.receiveQueue == 0)
        #expect(try only(Self.tcp(state: 8, unread: 6)).statistics.receiveQueue == 5)
    }

    @Test("the queues of a listener are decoded as pending connections and backlog")
    func listening() throws {
        let socket = try only(Self.tcp(state: 10, unread: 3, queued: 128))
        #expect(socket.isListening)
        #expect((socket.pendingConnections, socket.backlog) == (3, 128))
        #expect(socket.statistics.receiveQueue == nil)
    }

    @Test("a UDP entry is decoded into its address, queues and user, and isConnected is false")
    func udp() throws {
        let entry = Self.tcp(state: 7, unread: 5, queued: 6)
        let socket = try #require(
            MachineSocket.decode(entry[...], of: .udp, at: .zero).sockets.first)
        #expect(socket.kind == .udp)
        #expect("\(socket.local)" == "127.0.0.1:80")
        #expect((socket.statistics.receiveQueue, socket.statistics.sendQueue) == (5, 6))
        #expect(socket.statistics.state == nil)
        #expect(socket.user == 1000)
        #expect(!socket.isConnected)
        #expect(!socket.isQuiet)
        let empty = Self.tcp(state: 7, unread: 0, queued: 0)
        let sockets = MachineSocket.decode(empty[...], of: .udp, at: .zero).sockets
        #expect(sockets.first?.isQuiet == true)
    }

    @Test("a link-local IPv6 address is decoded with its interface, and a mapped address as IPv4")
    func addresses() throws {
        let linkLocal: [UInt8] = [0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        let loopbackInterface = try #require(try System.if_nametoindex("lo"))
        let there = try only(Self.tcp(family: 10, local: linkLocal, interface: loopbackInterface))
        #expect("\(there.local)" == "[fe80::1%lo]:80")
        let gone = try only(Self.tcp(family: 10, local: linkLocal, interface: 999_999))
        #expect("\(gone.local)" == "[fe80::1%999999]:80")
        let loopback = [UInt8](repeating: 0, count: 15) + [1]
        let here = try only(Self.tcp(family: 10, local: loopback, interface: 2))
        #expect("\(here.local)" == "[::1]:80")
        let mapped = [UInt8](repeating: 0, count: 10) + [255, 255, 127, 0, 0, 1]
        #expect("\(try only(Self.tcp(family: 10, local: mapped)).local)" == "127.0.0.1:80")
    }

    @Test("the TCP_INFO attribute is decoded into statistics")
    func info() throws {
        var info = [UInt8](repeating: 0, count: 248)
        info[0] = 1
        info[44] = 10
        let socket = try only(Self.tcp(attributes: Netlink.attribute(2, info)))
        #expect(socket.statistics.timeSinceLastSend == .milliseconds(10))
    }

    @Test("a Unix entry is decoded into its peer, queues and name")
    func unixStream() throws {
        let attributes =
            Netlink.attribute(0, Array("/run/a.sock".utf8)) + Netlink.attribute(2, Self.text(5001))
            + Netlink.attribute(4, Self.text(10, 768))
            + Netlink.attribute(5, Self.text(0, 212_992, 768, 212_992))
            + Netlink.attribute(6, [0])
        let socket = try only(Self.unix(attributes: attributes))
        #expect("\(socket.local)" == "/run/a.sock")
        #expect(socket.peerInode == 5001)
        #expect((socket.statistics.receiveQueue, socket.statistics.sendQueue) == (10, 768))
        #expect(socket.statistics.isWritable == true)
        #expect(socket.statistics.hasPeerHalfClosed == false)
        #expect(socket.statistics.state == nil)
        #expect(socket.isConnected)
    }

    @Test("a Unix stream is decoded as unwritable when over a quarter of its send buffer is used")
    func unixFull() throws {
        let attributes =
            Netlink.attribute(4, Self.text(0, 53_249))
            + Netlink.attribute(5, Self.text(0, 0, 0, 212_992))
        #expect(try only(Self.unix(attributes: attributes)).statistics.isWritable == false)
    }

    @Test("the shutdown attribute of a Unix socket is decoded as a half-closed peer or a hang-up")
    func unixEnded() throws {
        let one = try only(Self.unix(attributes: Netlink.attribute(6, [1])))
        #expect((one.statistics.hasPeerHalfClosed, one.statistics.isHungUp) == (true, false))
        let both = try only(Self.unix(attributes: Netlink.attribute(6, [3])))
        #expect((both.statistics.hasPeerHalfClosed, both.statistics.isHungUp) == (true, true))
    }

    @Test("a Unix listener is decoded with the inodes of its pending clients")
    func unixListening() throws {
        let attributes =
            Netlink.attribute(0, [0] + Array("name".utf8))
            + Netlink.attribute(3, Self.text(6001, 6002))
            + Netlink.attribute(4, Self.text(2, 128))
        let socket = try only(Self.unix(state: 10, attributes: attributes))
        #expect("\(socket.local)" == "@name")
        #expect((socket.pendingConnections, socket.backlog) == (2, 128))
        #expect(socket.pendingInodes == [6001, 6002])
    }

    @Test("Unix datagram sockets are omitted from the list, and sequenced-packet sockets are kept")
    func types() throws {
        #expect(MachineSocket.decode(Self.unix(type: 2)[...], at: .zero).sockets.isEmpty)
        _ = try only(Self.unix(type: 5))
    }

    @Test("decoding a list ends at an end message or an error, but not at an acknowledgement")
    func ends() {
        let list = Self.tcp() + Self.unix()
        #expect(MachineSocket.decode(list[...], at: .zero).end == nil)
        let done = list + Netlink.message(3, [0, 0, 0, 0]) + Self.tcp()
        let whole = MachineSocket.decode(done[...], at: .zero)
        #expect(whole.end == .complete)
        #expect(whole.sockets.count == 2)
        let error = Netlink.message(2, Self.text(UInt32(bitPattern: -2)))
        #expect(MachineSocket.decode(error[...], at: .zero).end == .failed(2))
        // An acknowledgement is an error with number 0.
        let none = Netlink.message(2, Self.text(0))
        #expect(MachineSocket.decode(none[...], at: .zero).end == nil)
    }

    @Test("decoding never traps on truncated, changed or duplicated bytes")
    func hostile() {
        var generator = SeededGenerator(seed: 4)
        let seeds = [
            Self.tcp(attributes: Netlink.attribute(2, [UInt8](repeating: 7, count: 248))),
            Self.tcp(family: 10, state: 10),
            Self.unix(
                state: 10,
                attributes: Netlink.attribute(0, [0]) + Netlink.attribute(3, Self.text(1))),
        ]
        for _ in 0..<20_000 {
            var bytes = seeds.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 0...6, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.removeSubrange(place...)
                default: bytes += bytes[place...]
                }
            }
            _ = MachineSocket.decode(bytes[...], at: .zero)
        }
    }
}
