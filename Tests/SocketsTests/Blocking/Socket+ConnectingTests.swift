import Glibc
import Testing

@testable import Sockets

@Suite("Socket: bind, listen, accept, connect", .ownThread)
struct SocketConnectingTests {
    @Test("bind with port 0 sets localAddress to the port that the kernel chose")
    func bindToPortZero() throws {
        let socket = try Socket(.ipv4, .stream)
        try socket.bind(on: Loopback.ipv4)
        #expect(try #require(socket.localAddress.port) > 0)
    }

    @Test("the error of binding to a used address names the address")
    func bindToUsedAddress() throws {
        let first = try Loopback.udp()
        let second = try Socket(.ipv4, .datagram)
        let error = #expect(throws: SocketError.self) { try second.bind(on: first.localAddress) }
        #expect(error?.errno == .addressInUse)
        #expect(
            error?.description
                == "cannot bind to \(first.localAddress): address already in use")
    }

    @Test("connect and bind reject an address of another family")
    func wrongFamily() throws {
        let socket = try Socket(.ipv4, .stream)
        let address = try #require(SocketAddress("[::1]:80"))
        let error = #expect(throws: SocketError.self) { try socket.connect(to: address) }
        #expect(
            error?.description
                == "cannot connect to [::1]:80: the address has the family IPv6,"
                + " but the socket has IPv4")
        let bind = #expect(throws: SocketError.self) {
            try socket.bind(on: .ipv6(.loopback, port: 80))
        }
        #expect(bind?.description.hasPrefix("cannot bind to [::1]:80: the address has") == true)
    }

    @Test("a socket can connect again after a refused attempt")
    func refused() throws {
        let (holder, address) = try Loopback.refusingPort()
        let socket = try Socket(.ipv4, .stream)
        let error = #expect(throws: SocketError.self) { try socket.connect(to: address) }
        #expect(error?.errno == .connectionRefused)
        #expect(error?.remoteAddress == address)
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        try socket.connect(to: listener.localAddress)
        #expect(socket.remoteAddress == listener.localAddress)
        withExtendedLifetime(holder) {}
    }

    @Test("connect succeeds even if getpeername reports that the socket is not connected")
    func resetBeforeNames() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let socket = try Socket(.ipv4, .stream)
        try FaultInjection.during([.getpeername: [.error(.socketNotConnected)]]) {
            try socket.connect(to: listener.localAddress)
        }
        #expect(socket.remoteAddress == listener.localAddress)
        let resetPeer = try listener.accept()
        try resetPeer.setOption(.linger, to: .zero)
        resetPeer.close()
        #expect(throws: SocketError.self) { try socket.receive() }
    }

    @Test("connect continues after EINTR and succeeds")
    func interruptedConnect() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let socket = try Socket(.ipv4, .stream)
        try FaultInjection.during([.poll: [.error(.interrupted), .error(.interrupted)]]) {
            try socket.connect(to: listener.localAddress)
        }
        #expect(try listener.accept(timeout: .seconds(5)).remoteAddress == socket.localAddress)
    }

    @Test("connect to a full Unix backlog times out at its limit, and a later connect succeeds")
    func connectTimesOut() throws {
        let path = Loopback.unixPath()
        let listener = try Socket(on: .unix(path), options: .init(backlog: 0))
        let address = listener.localAddress
        let first = try Socket(to: address)
        let second = try Socket(.unix)
        let start = ContinuousClock.now
        let error = #expect(throws: SocketError.self) {
            try second.connect(to: address, timeout: .milliseconds(200))
        }
        let took = start.duration(to: .now)
        #expect(error?.isTimeout == true)
        #expect(took >= .milliseconds(200))
        #expect(took < .seconds(2))
        #expect(error?.description == "cannot connect to \(path): no answer in 200 ms")
        // The socket stays usable, so it connects once the backlog has space.
        _ = try listener.accept(timeout: .seconds(5))
        try second.connect(to: address)
        withExtendedLifetime(first) {}
    }

    @Test("connecting a bound socket to its own address throws `selfConnect`")
    func selfConnect() throws {
        // Binding first makes the self-connect certain. Otherwise it happens once in about 30,000
        // connects.
        let socket = try Socket(.ipv4, .stream)
        try socket.bind(on: Loopback.ipv4)
        let error = #expect(throws: SocketError.self) {
            try socket.connect(to: socket.localAddress)
        }
        #expect(error?.cause == .selfConnect)
        #expect(socket.remoteAddress == .unnamed)
    }

    @Test("accept skips aborted clients and continues after EINTR")
    func acceptContinues() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let client = try Socket(to: listener.localAddress)
        let server = try FaultInjection.during([
            .accept: [.error(.connectionAbort), .error(.interrupted), .error(.protocolError)]
        ]) {
            try listener.accept(timeout: .seconds(5))
        }
        #expect(server.remoteAddress == client.localAddress)
    }

    @Test("accept throws EMFILE without free descriptors, and the client stays in the backlog")
    func acceptWithoutDescriptors() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let client = try Socket(to: listener.localAddress)
        let error = #expect(throws: SocketError.self) {
            try FaultInjection.during([.accept: [.error(.tooManyOpenFiles)]]) {
                try listener.accept()
            }
        }
        #expect(error?.errno == .tooManyOpenFiles)
        #expect(try listener.accept().remoteAddress == client.localAddress)
    }

    @Test("accept without a client throws `timedOut` no earlier than its limit")
    func acceptTimesOut() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let start = ContinuousClock.now
        let error = #expect(throws: SocketError.self) {
            try listener.accept(timeout: .milliseconds(50))
        }
        #expect(error?.cause == .timedOut(limit: .milliseconds(50)))
        #expect(start.duration(to: .now) >= .milliseconds(50))
    }

    @Test("accept on a socket that does not listen throws EINVAL")
    func acceptWithoutListen() throws {
        let socket = try Socket(.ipv4, .stream)
        let error = #expect(throws: SocketError.self) { try socket.accept() }
        #expect(error?.errno == .invalidArgument)
    }

    @Test("concurrent accepts accept every client")
    func severalAcceptors() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let acceptors = (0..<4).map { _ in
            Background { try (0..<25).map { _ in try listener.accept().remoteAddress } }
        }
        var clients: [Socket] = []
        for _ in 0..<100 { clients.append(try Socket(to: listener.localAddress)) }
        let accepted = try acceptors.flatMap { try $0.value() }
        #expect(Set(accepted) == Set(clients.map(\.localAddress)))
    }

    @Test("connect to .unnamed lets a datagram socket receive from every sender again")
    func disconnect() throws {
        let (one, other, stranger) = try (Loopback.udp(), Loopback.udp(), Loopback.udp())
        try one.connect(to: other.localAddress)
        try one.connect(to: .unnamed)
        #expect(one.remoteAddress == .unnamed)
        // Linux also releases a port that it chose itself, and chooses another.
        try one.send("a", to: other.localAddress)
        let sender = try other.receiveFrom(timeout: .seconds(10)).sender
        try stranger.send("x", to: sender)
        #expect(try one.receiveFrom(timeout: .seconds(10)).sender == stranger.localAddress)
        let error = #expect(throws: SocketError.self) { try one.send("y") }
        #expect(error?.errno == Errno(rawValue: EDESTADDRREQ))
    }

    @Test("connect to .unnamed throws on a stream socket")
    func noPeer() throws {
        let error = #expect(throws: SocketError.self) {
            try Socket(.ipv4, .stream).connect(to: .unnamed)
        }
        #expect(error?.operation == .connect)
    }

    @Test("a connected datagram socket receives from its peer and reports a refused datagram")
    func connectedDatagrams() throws {
        let peer = try Loopback.udp()
        let socket = try Socket(.ipv4, .datagram)
        try socket.connect(to: peer.localAddress)
        try peer.send("for you", to: socket.localAddress)
        #expect(try socket.receive() == Array("for you".utf8))
        // A socket that is connected to another peer refuses datagrams from this one. Closing it is
        // not enough, because a program that another test starts holds our descriptors until its
        // exec.
        try peer.connect(to: .ipv4(.loopback, port: 9))
        try socket.send("anybody?")
        let error = #expect(throws: SocketError.self) {
            try socket.receive(timeout: .seconds(5))
        }
        #expect(error?.errno == .connectionRefused)
    }
}
