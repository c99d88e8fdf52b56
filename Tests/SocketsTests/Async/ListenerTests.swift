import Glibc
import Testing

@testable import Sockets

@Suite("Listener", .ownThread)
struct ListenerTests {
    @Test("an accepted connection has the addresses of both ends")
    func accept() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        #expect(listener.localAddress.port != 0)
        let client = try Socket(to: listener.localAddress)
        let connection = try await listener.accept()
        #expect(connection.localAddress == listener.localAddress)
        #expect(connection.remoteAddress == client.localAddress)
        try client.sendAll("x")
        #expect(try await connection.read() == [0x78])
    }

    @Test("a listener on every interface reports IPv4 clients as IPv4")
    func everyInterface() async throws {
        let listener = try await Listener(on: .tcp(port: 0))
        let port = try #require(listener.localAddress.port)
        #expect(listener.localAddress == .ipv6(.any, port: port))
        for address in [
            SocketAddress.ipv4(.loopback, port: port), .ipv6(.loopback, port: port),
        ] {
            let client = try Socket(to: address)
            let connection = try await listener.accept()
            #expect(connection.localAddress == address)
            #expect(connection.remoteAddress == client.localAddress)
        }
    }

    @Test("a listener resolves a host name, and an unknown host or service throws")
    func names() async throws {
        let listener = try await Listener(on: .tcp("localhost", port: 0))
        #expect(listener.localAddress.ip?.isLoopback == true)
        let error = await #expect(throws: SocketError.self) {
            try await Listener(on: .tcp("nosuch.invalid", port: 0))
        }
        guard case .nameResolution = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
        let unknown = await #expect(throws: SocketError.self) {
            try await Listener(on: .tcp(port: "nosuchservice"))
        }
        #expect(unknown?.description.contains("nosuchservice") == true)
    }

    @Test("listening on a used port throws an error that names the address")
    func usedPort() async throws {
        let first = try await Listener(on: .tcp(port: 0))
        let port = try #require(first.localAddress.port)
        let error = await #expect(throws: SocketError.self) {
            try await Listener(on: .tcp(port: Port(port)))
        }
        #expect(error?.description == "cannot bind to :\(port): address already in use")
    }

    @Test(
        "a listener on a datagram endpoint throws `invalidInput`",
        arguments: [Endpoint.udp(port: 0), .unixDatagram("@x")])
    func transports(_ endpoint: Endpoint) async throws {
        let error = await #expect(throws: SocketError.self) { try await Listener(on: endpoint) }
        guard case .invalidInput(let text) = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("the endpoint must be tcp://, unix: or unixpacket:"))
    }

    @Test("accepted connections have TCP_NODELAY")
    func noDelay() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let client = try Socket(to: listener.localAddress)
        let connection = try await listener.accept()
        #expect(try connection.option(.noDelay))
        #expect(try !client.option(.noDelay))
    }

    @Test("accepted descriptors are non-blocking and close-on-exec")
    func flags() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let client = try Socket(to: listener.localAddress)
        let connection = try await listener.accept()
        let number = connection.source.descriptor
        #expect(fcntl(number, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
        client.close()
    }

    @Test("a listener accepts all of 100 waiting clients")
    func manyClients() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let clients = try (0..<100).map { _ in try Socket(to: listener.localAddress) }
        var accepted: Set<SocketAddress> = []
        for _ in clients { accepted.insert(try await listener.accept().remoteAddress) }
        #expect(accepted == Set(clients.map(\.localAddress)))
    }

    @Test("accept times out no earlier than its limit, and the next accept succeeds")
    func timeout() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let start = ContinuousClock.now
        let error = await #expect(throws: SocketError.self) {
            try await listener.accept(timeout: .milliseconds(30))
        }
        #expect(start.duration(to: .now) >= .milliseconds(30))
        #expect(error?.isTimeout == true)
        #expect(error?.operation == .accept)
        let client = try Socket(to: listener.localAddress)
        #expect(try await listener.accept().remoteAddress == client.localAddress)
    }

    @Test("a cancelled accept throws `cancelled` and loses no client")
    func cancellation() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let accepting = Task { try await listener.accept() }
        accepting.cancel()
        let error = await #expect(throws: SocketError.self) { try await accepting.value }
        #expect(error?.cause == .cancelled)
        let client = try Socket(to: listener.localAddress)
        #expect(try await listener.accept().remoteAddress == client.localAddress)
    }

    @Test("close ends a pending accept and refuses clients, and a second close has no effect")
    func close() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let accepting = Task { try await listener.accept() }
        listener.close()
        listener.close()
        let error = await #expect(throws: SocketError.self) { try await accepting.value }
        #expect(error?.cause == .closed)
        #expect(listener.isClosed)
        #expect(await eventually { refusesConnections(listener.localAddress) })
    }

    @Test("accept throws `busy` while another accept is in progress")
    func busy() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        try listener.source.beginReading()
        let error = await #expect(throws: SocketError.self) { try await listener.accept() }
        #expect(error?.cause == .busy)
        listener.source.endReading()
    }

    #if DEBUG
        @Test("accept throws EMFILE without free descriptors, and the client stays in the backlog")
        func shortage() async throws {
            let listener = try Listener(on: Loopback.ipv4)
            let client = try Socket(to: listener.localAddress)
            let script = FaultInjection([.accept: [.error(.tooManyOpenFiles)]])
            let error = await FaultInjection.$current.withValue(script) {
                await #expect(throws: SocketError.self) { try await listener.accept() }
            }
            #expect(error?.errno == .tooManyOpenFiles)
            #expect(try await listener.accept().remoteAddress == client.localAddress)
        }

        @Test("accept skips aborted clients and continues after EINTR")
        func abortedClients() async throws {
            let listener = try Listener(on: Loopback.ipv4)
            let client = try Socket(to: listener.localAddress)
            let script = FaultInjection([
                .accept: [.error(.connectionAbort), .error(.interrupted), .error(.networkDown)]
            ])
            let connection = try await FaultInjection.$current.withValue(script) {
                try await listener.accept()
            }
            #expect(connection.remoteAddress == client.localAddress)
            #expect(script.remaining(of: .accept) == 0)
        }
    #endif

    // MARK: Unix sockets

    @Test("a Unix listener accepts clients, and close removes the socket file")
    func unixFile() async throws {
        let path = Loopback.unixPath()
        let listener = try await Listener(on: .unix(path))
        #expect(access(path, F_OK) == 0)
        let client = try Socket(to: .unix(path))
        let connection = try await listener.accept()
        #expect(connection.remoteAddress == .unnamed)
        #expect(connection.localAddress == listener.localAddress)
        try client.sendAll("x")
        #expect(try await connection.read() == [0x78])
        listener.close()
        #expect(access(path, F_OK) == -1)
    }

    @Test("releasing the last reference to a Unix listener removes the socket file")
    func unixFileOfForgottenListener() async throws {
        let path = Loopback.unixPath()
        do {
            let listener = try await Listener(on: .unix(path))
            #expect(!listener.isClosed)
        }
        #expect(access(path, F_OK) == -1)
    }

    @Test("a listener throws EADDRINUSE for the path of a live server and replaces a stale file")
    func staleFile() async throws {
        let path = Loopback.unixPath()
        let living = try await Listener(on: .unix(path))
        let error = await #expect(throws: SocketError.self) { try await Listener(on: .unix(path)) }
        #expect(error?.errno == .addressInUse)
        #expect(access(path, F_OK) == 0)
        // A killed server leaves its socket file behind.
        let dead = try Socket(on: .unix(path + "-dead"))
        dead.names.withLock { $0.file?.keep() }
        dead.close()
        #expect(access(path + "-dead", F_OK) == 0)
        #expect(await eventually { (try? Socket(to: .unix(path + "-dead"))) == nil })
        let next = try await Listener(on: .unix(path + "-dead"))
        next.close()
        #expect(access(path + "-dead", F_OK) == -1)
        living.close()
    }

    @Test("a listener does not replace a file that is not a socket")
    func regularFile() async throws {
        let path = Loopback.unixPath()
        let file = Descriptor(open(path, O_CREAT | O_WRONLY, 0o600))
        defer { unlink(path) }
        let error = await #expect(throws: SocketError.self) { try await Listener(on: .unix(path)) }
        #expect(error?.errno == .addressInUse)
        #expect(access(path, F_OK) == 0)
        #expect(file.number >= 0)
    }

    @Test("an abstract name can be bound again after the listener is closed")
    func abstractName() async throws {
        let name = "@" + Loopback.unixPath()
        let listener = try await Listener(on: .unix(name))
        let client = try Socket(to: .unix(name))
        _ = try await listener.accept()
        client.close()
        listener.close()
        let again = try await Listener(on: .unix(name))
        again.close()
    }
}
