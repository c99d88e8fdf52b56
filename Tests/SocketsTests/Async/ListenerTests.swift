import Glibc
import Testing

@testable import Sockets

@Suite("Listener", .ownThread)
struct ListenerTests {
    @Test("a caller is accepted, with the addresses of both ends")
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

    @Test("every interface, both families: callers of IPv4 are shown as such")
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

    @Test("a host's name is looked up, and a service's")
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

    @Test("a port that is taken is an error that names it")
    func taken() async throws {
        let first = try await Listener(on: .tcp(port: 0))
        let port = try #require(first.localAddress.port)
        let error = await #expect(throws: SocketError.self) {
            try await Listener(on: .tcp(port: Port(port)))
        }
        #expect(error?.description == "cannot bind to :\(port): address already in use")
    }

    @Test(
        "what is no stream of bytes is refused",
        arguments: [Endpoint.udp(port: 0), .unixDatagram("@x"), .unixSequencedPacket("@y")])
    func transports(_ endpoint: Endpoint) async throws {
        let error = await #expect(throws: SocketError.self) { try await Listener(on: endpoint) }
        guard case .invalidInput(let text) = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("expected"))
    }

    @Test("connections send small writes at once, without asking for it")
    func noDelay() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let client = try Socket(to: listener.localAddress)
        let connection = try await listener.accept()
        #expect(try connection.option(.noDelay))
        #expect(try !client.option(.noDelay))
    }

    @Test("accepted descriptors do not wait, and no started program inherits them")
    func flags() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let client = try Socket(to: listener.localAddress)
        let connection = try await listener.accept()
        let number = connection.source.descriptor
        #expect(fcntl(number, F_GETFL) & O_NONBLOCK != 0)
        #expect(fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
        client.close()
    }

    @Test("many callers at once are all accepted, one after another")
    func manyCallers() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let clients = try (0..<100).map { _ in try Socket(to: listener.localAddress) }
        var callers: Set<SocketAddress> = []
        for _ in clients { callers.insert(try await listener.accept().remoteAddress) }
        #expect(callers == Set(clients.map(\.localAddress)))
    }

    @Test(
        "nobody calls: the limit ends the wait, not before its time, and the next caller is taken")
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

    @Test("cancelling ends the wait, and loses no caller")
    func cancellation() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let accepting = Task { try await listener.accept() }
        accepting.cancel()
        let error = await #expect(throws: SocketError.self) { try await accepting.value }
        #expect(error?.cause == .cancelled)
        let client = try Socket(to: listener.localAddress)
        #expect(try await listener.accept().remoteAddress == client.localAddress)
    }

    @Test("closing wakes who waits, refuses callers, and can be repeated")
    func close() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        let accepting = Task { try await listener.accept() }
        listener.close()
        listener.close()
        let error = await #expect(throws: SocketError.self) { try await accepting.value }
        #expect(error?.cause == .closed)
        #expect(listener.isClosed)
        #expect(await eventually { refusesCalls(listener.localAddress) })
    }

    @Test("a second task that accepts is told so")
    func busy() async throws {
        let listener = try Listener(on: Loopback.ipv4)
        try listener.source.begin(.reading)
        let error = await #expect(throws: SocketError.self) { try await listener.accept() }
        #expect(error?.cause == .busy)
        listener.source.end(.reading)
    }

    #if DEBUG
        @Test("a shortage is reported by accept, and the caller stays in the queue")
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

        @Test("callers who have gone before they were accepted are passed over")
        func callersWhoHaveGone() async throws {
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

    // MARK: Adopting

    @Test("a socket that listens is taken over, and closed for its other users")
    func adopting() async throws {
        let socket = try Socket(on: .tcp("127.0.0.1", port: 0))
        let address = socket.localAddress
        let listener = try Listener(adopting: socket)
        #expect(socket.isClosed)
        #expect(listener.localAddress == address)
        let client = try Socket(to: address)
        #expect(try await listener.accept().remoteAddress == client.localAddress)
    }

    @Test("a socket that does not listen, or of another kind, is refused and stays as it was")
    func adoptingOthers() throws {
        let path = Loopback.unixPath()
        for socket in [
            try Socket(.ipv4, .stream), try Socket(.ipv4, .datagram),
            try Socket(on: .unixSequencedPacket(path)),
        ] {
            let error = #expect(throws: SocketError.self) { try Listener(adopting: socket) }
            guard case .invalidInput = error?.cause else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(!socket.isClosed)
        }
    }

    @Test("closing a listener that waited leaves the duplicate of another process alone")
    func duplicates() async throws {
        let socket = try Socket(on: .tcp("127.0.0.1", port: 0))
        let duplicate = try socket.duplicate()
        let listener = try Listener(adopting: socket)
        try listener.source.begin(.reading)
        listener.close()
        listener.source.end(.reading)
        let client = try Socket(to: duplicate.localAddress)
        #expect(try duplicate.accept(timeout: .seconds(10)).remoteAddress == client.localAddress)
    }

    // MARK: Unix sockets

    @Test("callers of a Unix socket are served, and closing removes its file")
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

    @Test("the last reference to a listener takes the file with it")
    func unixFileOfForgottenListener() async throws {
        let path = Loopback.unixPath()
        do {
            let listener = try await Listener(on: .unix(path))
            #expect(!listener.isClosed)
        }
        #expect(access(path, F_OK) == -1)
    }

    @Test("a living server's file is address in use; a dead one's is replaced")
    func staleFile() async throws {
        let path = Loopback.unixPath()
        let living = try await Listener(on: .unix(path))
        let error = await #expect(throws: SocketError.self) { try await Listener(on: .unix(path)) }
        #expect(error?.errno == .addressInUse)
        #expect(access(path, F_OK) == 0)
        // A server that dies removes nothing.
        let dead = try Socket(on: .unix(path + "-dead"))
        dead.names.withLock { $0.file = nil }
        dead.close()
        #expect(access(path + "-dead", F_OK) == 0)
        #expect(await eventually { (try? Socket(to: .unix(path + "-dead"))) == nil })
        let next = try await Listener(on: .unix(path + "-dead"))
        next.close()
        #expect(access(path + "-dead", F_OK) == -1)
        living.close()
    }

    @Test("a file that is no socket is left alone")
    func regularFile() async throws {
        let path = Loopback.unixPath()
        let file = Descriptor(open(path, O_CREAT | O_WRONLY, 0o600))
        defer { unlink(path) }
        let error = await #expect(throws: SocketError.self) { try await Listener(on: .unix(path)) }
        #expect(error?.errno == .addressInUse)
        #expect(access(path, F_OK) == 0)
        #expect(file.number >= 0)
    }

    @Test("an abstract name has no file")
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
