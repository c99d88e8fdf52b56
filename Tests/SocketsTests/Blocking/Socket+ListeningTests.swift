import Glibc
import Testing

@testable import Sockets

@Suite("Socket(on:)", .ownThread)
struct SocketListeningTests {
    @Test("an endpoint without a host listens on IPv4 and IPv6 with one socket")
    func everyInterface() throws {
        let listener = try Socket(on: .tcp(port: 0))
        let port = try #require(listener.localAddress.port)
        #expect(listener.localAddress == .ipv6(.any, port: port))
        for address in [
            SocketAddress.ipv4(.loopback, port: port), .ipv6(.loopback, port: port),
        ] {
            let client = try Socket(to: address)
            let server = try listener.accept(timeout: .seconds(5))
            #expect(server.remoteAddress == client.localAddress)
            #expect(server.localAddress == address)
            #expect(server.remoteAddress.family == address.family)
        }
    }

    @Test("an IPv6-only listener leaves its port free for an IPv4-only listener")
    func oneFamily() throws {
        // Another test may hold the IPv4 port, so try several ports.
        let sharesPort = try (0..<20).contains { _ in
            let six = try Socket(on: .tcp(port: 0), options: .init(family: .ipv6))
            let port = Port(try #require(six.localAddress.port))
            let four = try? Socket(on: .tcp(port: port), options: .init(family: .ipv4))
            return four?.localAddress.family == .ipv4
        }
        #expect(sharesPort)
    }

    @Test("an endpoint without a host listens only on IPv4 if the machine has no IPv6")
    func withoutIPv6() throws {
        let listener = try FaultInjection.during([
            .socket: [.error(.addressFamilyNotSupported)]
        ]) {
            try Socket(on: .tcp(port: 0))
        }
        #expect(listener.localAddress.ip == .v4(.any))
        let disabled = try FaultInjection.during([.bind: [.error(.addressNotAvailable)]]) {
            try Socket(on: .tcp(port: 0))
        }
        #expect(disabled.localAddress.ip == .v4(.any))
    }

    @Test("listening on a used port throws EADDRINUSE without a fallback to IPv4")
    func usedPort() throws {
        let first = try Socket(on: .tcp(port: 0))
        let port = try #require(first.localAddress.port)
        let error = #expect(throws: SocketError.self) {
            try Socket(on: .tcp(port: Port(port)))
        }
        #expect(error?.errno == .addressInUse)
        #expect(error?.description == "cannot bind to :\(port): address already in use")
    }

    @Test("two sockets with reusePort can listen on the same port")
    func reusePort() throws {
        let first = try Socket(on: .tcp("127.0.0.1", port: 0), options: .init(reusePort: true))
        let port = Port(try #require(first.localAddress.port))
        let second = try Socket(on: .tcp("127.0.0.1", port: port), options: .init(reusePort: true))
        #expect(first.localAddress == second.localAddress)
    }

    @Test("Socket(on:) binds a datagram socket without listening")
    func datagrams() throws {
        let socket = try Socket(on: .udp(port: 0))
        #expect(socket.type == .datagram)
        #expect(socket.localAddress.port != 0)
        let error = #expect(throws: SocketError.self) { try socket.accept(timeout: .seconds(5)) }
        #expect(error?.errno == .notSupportedOnSocket)
    }

    @Test("Socket(on:) sets the socket options of its ListenOptions")
    func socketOptions() throws {
        let options = ListenOptions(socketOptions: [
            .set(.keepAlive, to: true), .set(.receiveBufferSize, to: 20_000),
        ])
        let socket = try Socket(on: .tcp("127.0.0.1", port: 0), options: options)
        #expect(try socket.option(.keepAlive))
        #expect(try socket.option(.receiveBufferSize) == 40_000)
    }

    @Test("the error of Socket(on:) names a socket option that the kernel refuses")
    func refusedOption() throws {
        let options = ListenOptions(socketOptions: [.set(.error, to: nil)])
        let error = #expect(throws: SocketError.self) {
            try Socket(on: Loopback.ipv4, options: options)
        }
        #expect(error?.operation == .setOption)
        #expect(error?.subject == "error")
    }

    @Test("Socket(on:) throws `invalidInput` for the option sharded")
    func sharded() {
        let error = #expect(throws: SocketError.self) {
            try Socket(on: Loopback.ipv4, options: .init(sharded: true))
        }
        guard case .invalidInput = error?.cause else {
            Issue.record("expected invalidInput, found \(String(describing: error))")
            return
        }
    }

    @Test(
        "Unix stream and sequenced-packet sockets listen and accept a client",
        arguments: [true, false])
    func unix(_ isAbstract: Bool) throws {
        let path = (isAbstract ? "@" : "") + Loopback.unixPath()
        for endpoint in [Endpoint.unix(path), .unixSequencedPacket(path)] {
            let listener = try Socket(on: endpoint)
            let client = try Socket(to: endpoint)
            let server = try listener.accept(timeout: .seconds(5))
            #expect(server.type == listener.type)
            #expect(client.remoteAddress == listener.localAddress)
            try client.send("hello")
            #expect(try server.receive() == Array("hello".utf8))
            listener.close()
        }
    }

    @Test(
        "a Unix socket bound on .unnamed gets a free abstract name and receives the reply there",
        arguments: [true, false])
    func chosenName(bindsFirst: Bool) throws {
        let server = try Socket(on: .unixDatagram("@" + Loopback.unixPath()))
        let client: Socket
        if bindsFirst {
            client = try Socket(.unix, .datagram)
            try client.bind(on: .unnamed)
            try client.connect(to: server.localAddress)
        } else {
            client = try Socket(
                to: server.localAddress, type: .datagram, options: .init(localAddress: .unnamed))
        }
        guard case .unix(let name) = client.localAddress else {
            Issue.record("\(client.localAddress)")
            return
        }
        #expect(name.kind == .abstract)
        #expect(try Socket(on: .unnamed, type: .datagram).localAddress != client.localAddress)
        try client.send("question")
        let question = try server.receiveFrom(timeout: .seconds(10))
        #expect(question.sender == client.localAddress)
        try server.send("answer", to: question.sender)
        #expect(try client.receive(timeout: .seconds(10)) == Array("answer".utf8))
    }

    @Test("a listener on .unnamed accepts clients at the name that the kernel chose")
    func listeningOnChosenName() throws {
        let listener = try Socket(on: .unnamed)
        let client = try Socket(to: listener.localAddress)
        try client.send("x")
        #expect(try listener.accept(timeout: .seconds(10)).receive() == [0x78])
    }

    @Test(
        "the names that the kernel chooses are separate in each network namespace",
        .enabled(if: PrivateMachine.isAvailable, "needs root"))
    func chosenNamesOfNamespaces() throws {
        let socket = try Socket(on: .unnamed, type: .datagram)
        let address = socket.localAddress
        let isReachable = try PrivateMachine.run { () throws -> Bool in
            // The name is free in this namespace, so it can be bound and reached here.
            let other = try Socket(on: address, type: .datagram)
            let client = try Socket(
                to: address, type: .datagram, options: .init(localAddress: .unnamed))
            try client.send("x")
            return try other.receiveFrom(timeout: .seconds(10)).sender == client.localAddress
        }
        #expect(isReachable)
        let error = #expect(throws: SocketError.self) {
            try socket.receive(timeout: .milliseconds(1))
        }
        #expect(error?.isTimeout == true)
    }

    @Test("binding an Internet socket on .unnamed throws EINVAL")
    func unnamedInternetAddress() throws {
        let error = #expect(throws: SocketError.self) {
            try Socket(.ipv4, .datagram).bind(on: .unnamed)
        }
        #expect(error?.errno == .invalidArgument)
    }

    @Test("close removes the file of a Unix listener")
    func fileIsRemoved() throws {
        let path = Loopback.unixPath()
        let listener = try Socket(on: .unix(path))
        #expect(access(path, F_OK) == 0)
        listener.close()
        #expect(access(path, F_OK) == -1)
    }

    @Test("a Unix path of more than 107 bytes is rejected, not truncated")
    func longPath() throws {
        let path = "/tmp/" + String(repeating: "x", count: 103)
        let error = #expect(throws: SocketError.self) { try Socket(on: .unix(path)) }
        guard case .invalidInput = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(access(String(path.prefix(107)), F_OK) == -1)
    }

    @Test("listening on a name that does not exist throws a `nameResolution` error")
    func unknownName() throws {
        let error = #expect(throws: SocketError.self) {
            try Socket(on: .tcp("nosuch.invalid", port: 0))
        }
        guard case .nameResolution = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
