import Sockets
import Testing

/// The listings about tasks: each stands here as it is printed in the README and the articles.
@Suite("Listings about tasks", .ownThread)
struct TaskListingsTests {
    private let host = "127.0.0.1"

    @Test("a client reads lines until the end of the stream")
    func lines() async throws {
        let port = try Socket.portOfServer { caller in try caller.sendAll("one\r\ntwo\n") }
        var lines: [String] = []
        func print(_ line: String) { lines.append(line) }

        let connection = try await Connection(to: .tcp(host, port: port))
        for try await line in connection.lines { print(line) }

        #expect(lines == ["one", "two"])
    }

    @Test("an exchange reads while it writes")
    func exchange() async throws {
        let port = try Socket.portOfServer { caller in
            let stream = SocketStream(caller)
            guard let line = try stream.readLine(timeout: patience) else { return }
            try stream.write("you said \(line)\n")
            try stream.close()
        }
        let connection = try await Connection(to: .tcp(host, port: port))
        let request = "hello\n"

        let reply = try await connection.exchange(request, reading: .line)

        #expect(reply.text.hasPrefix("you said hello"))
    }

    @Test("a UDP server answers each datagram")
    func datagrams() async throws {
        let port: Sockets.Port = 0
        let (ports, announcement) = AsyncStream.makeStream(of: UInt16.self)
        let server = Task {
            let channel = try await DatagramChannel(on: .udp(port: port))
            announcement.yield(channel.localAddress.port ?? 0)
            for try await datagram in channel {
                try await channel.send(datagram.bytes, to: datagram.sender)
            }
        }
        defer { server.cancel() }
        let chosen = try #require(await ports.first { _ in true })

        let client = try await DatagramChannel(
            to: .udp(host, port: Sockets.Port(chosen)))
        try await client.send("ping")

        #expect(try await client.receive(timeout: patience).text == "ping")
    }

    @Test("a server runs its handler for each caller, until its task is cancelled")
    func serving() async throws {
        let listener = try await Listener(on: .tcp(host, port: 0))
        let address = listener.localAddress
        let server = Task {
            try await listener.serve { connection in try await connection.echo() }
        }
        for round in 1...3 {
            let connection = try await Connection(to: address)
            let reply = try await connection.exchange("round \(round)", reading: .toEnd())
            #expect(reply.text == "round \(round)")
        }
        server.cancel()
        try await server.value
    }
}
