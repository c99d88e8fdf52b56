import Sockets
import Testing

/// The listings about connections of tasks, as they are printed.
@Suite("Listings of connections", .ownThread)
struct ConnectionListingsTests {
    @Test("a client of a task reads lines")
    func readsLines() async throws {
        let port = try Socket.portOfServer { caller in try caller.sendAll("one\r\ntwo\r\n") }
        var lines: [String] = []

        let connection = try await Connection(to: .tcp("localhost", port: port))
        for try await line in connection.lines { lines.append(line) }

        #expect(lines == ["one", "two"])
    }

    @Test("an exchange reads while it writes")
    func exchanges() async throws {
        let port = try Socket.portOfServer { caller in
            while case let bytes = try caller.receive(), !bytes.isEmpty {
                try caller.sendAll(bytes)
            }
        }
        let request = String(repeating: "x", count: 10_000) + "\n"
        let connection = try await Connection(to: .tcp("localhost", port: port))

        let reply = try await connection.exchange(request, reading: .line)

        #expect(reply.text + "\n" == request)
    }
}
