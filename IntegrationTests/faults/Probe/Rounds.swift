import Foundation
import Sockets

/// More than the kernel keeps for a connection, so that whoever sends has to wait.
let payload = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

/// No wait of a round is longer.
let patience = TimeLimit.seconds(1)

/// Something came back that had not been sent.
struct Altered: Error, CustomStringConvertible {
    var description: String { "the bytes that came are not those that went" }
}

func same(_ one: [UInt8], _ other: [UInt8]) throws {
    guard one == other else { throw Altered() }
}

/// An answer did not leave, which the library calls a loss on the way.
struct Lost: Error, CustomStringConvertible {
    var description: String { "the answer was lost on the way" }
}

/// A path for a Unix socket of this process.
func unixPath(_ name: String) -> String { "/tmp/fault-probe-\(getpid())-\(name)" }

/// Tells how a step went. A step that fails does not keep the next from being tried.
func tell(_ step: String, _ error: (any Error)?) {
    say("\(step): \(error.map { "\($0)" } ?? "ok")")
}

/// Every call of the blocking half, once.
struct BlockingRounds {
    func run() {
        // Made now, and not while somebody waits for it.
        _ = payload.count
        let before = openDescriptors()
        step("tcp") { try stream(.tcp("127.0.0.1", port: 0)) }
        step("unix") { try stream(.unix(unixPath("stream"))) }
        step("udp") { try datagrams(.udp("127.0.0.1", port: 0)) }
        step("unixgram") { try datagrams(.unixDatagram(unixPath("datagram"))) }
        step("pair", pair)
        step("name") { _ = try Resolver.resolve(.tcp("localhost", port: 80), timeout: patience) }
        say("left open: \(openDescriptors() - before)")
    }

    private func step(_ name: String, _ body: () throws -> Void) {
        do {
            try body()
            tell(name, nil)
        } catch {
            tell(name, error)
        }
    }

    private func stream(_ endpoint: Endpoint) throws {
        let listener = try Socket(on: endpoint)
        defer { listener.close() }
        let server = Outcome()
        Thread.detachNewThread {
            server.end { try echo(to: try listener.accept(timeout: patience)) }
        }
        do {
            let client = try Socket(to: listener.localAddress, timeout: patience)
            defer { client.close() }
            try client.setOption(.keepAlive, to: true)
            _ = try client.option(.receiveBufferSize)
            let copy = try client.duplicate()
            copy.close()
            let reply = try client.exchange(payload, reading: .toEnd(), timeout: patience)
            if reply.unsentRequestBytes == 0 { try same(reply.bytes, payload) }
        } catch {
            // What was done to the server may be all that the client can tell of.
            listener.close()
            if let told = server.error { tell("server", told) }
            throw error
        }
        if let told = server.error { throw told }
    }

    private func echo(to caller: Socket) throws {
        defer { caller.close() }
        while true {
            let bytes = try caller.receive(timeout: patience)
            if bytes.isEmpty { return }
            try caller.sendAll(bytes, timeout: patience)
        }
    }

    private func datagrams(_ endpoint: Endpoint) throws {
        let server = try Socket(on: endpoint)
        defer { server.close() }
        let client: Socket
        if endpoint.transport == .udp {
            client = try Socket(on: endpoint)
        } else {
            client = try Socket(on: .unixDatagram(unixPath("client")))
        }
        defer { client.close() }
        try client.send("question", to: server.localAddress, timeout: patience)
        let question = try server.receiveFrom(timeout: patience)
        try server.send(question.bytes, to: question.sender, timeout: patience)
        try same(try client.receiveFrom(timeout: patience).bytes, Array("question".utf8))
    }

    private func pair() throws {
        let (one, other) = try Socket.pair()
        defer {
            one.close()
            other.close()
        }
        try one.sendAll(parts: [[1, 2, 3], [], [4]], timeout: patience)
        try one.shutdown(.write)
        let stream = SocketStream(other)
        try same(try stream.readToEnd(timeout: patience), [1, 2, 3, 4])
        _ = try other.diagnose()
    }
}

/// How a server's thread has ended.
final class Outcome: @unchecked Sendable {
    // Safe: the condition guards what it tells of.
    private let condition = NSCondition()
    private var result: Result<Void, any Error>?

    func end(_ body: () throws -> Void) {
        let result = Result { try body() }
        condition.lock()
        self.result = result
        condition.broadcast()
        condition.unlock()
    }

    /// Waits for the end, and tells what was wrong.
    var error: (any Error)? {
        condition.lock()
        defer { condition.unlock() }
        let end = Date(timeIntervalSinceNow: 4)
        while result == nil, condition.wait(until: end) {}
        guard case .failure(let error) = result else { return nil }
        return error
    }
}

/// Every call of the half for tasks, once.
struct TaskRounds {
    func run() async {
        _ = payload.count
        let before = openDescriptors()
        await step("tcp") { try await stream(.tcp(port: 0)) }
        await step("unix") { try await stream(.unix(unixPath("stream"))) }
        await step("udp") { try await datagrams(.udp(port: 0)) }
        await step("file", file)
        await step("pair", pair)
        await step("name") {
            let endpoint = Endpoint.tcp("localhost", port: 9)
            do throws(SocketError) {
                _ = try await Connection(to: endpoint, timeout: patience)
            } catch {
                guard error.errno == .connectionRefused else { throw error }
            }
        }
        // Closed descriptors are released when the loop has let go of them.
        for _ in 0..<100 where openDescriptors() > before {
            try? await Task.sleep(for: .milliseconds(10))
        }
        say("left open: \(openDescriptors() - before)")
    }

    private func step(_ name: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            tell(name, nil)
        } catch {
            tell(name, error)
        }
    }

    private func stream(_ endpoint: Endpoint) async throws {
        let listener = try await Listener(on: endpoint)
        let address = loopback(listener.localAddress)
        let serving = Task {
            try await listener.serve(options: ServeOptions(gracePeriod: .zero)) { caller in
                do { try await caller.echo() } catch { tell("server", error) }
            }
        }
        do {
            let client = try await Connection(to: address, timeout: patience)
            defer { client.close() }
            let reply = try await client.exchange(payload, reading: .toEnd(), timeout: patience)
            if reply.unsentRequestBytes == 0 { try same(reply.bytes, payload) }
        } catch {
            serving.cancel()
            try await serving.value
            throw error
        }
        serving.cancel()
        try await serving.value
    }

    private func loopback(_ address: SocketAddress) -> SocketAddress {
        address.port.map { .ipv4(.loopback, port: $0) } ?? address
    }

    private func datagrams(_ endpoint: Endpoint) async throws {
        let server = try await DatagramChannel(on: endpoint)
        let client = try DatagramChannel(to: loopback(server.localAddress))
        defer {
            server.close()
            client.close()
        }
        try await client.send("question", timeout: patience)
        let question = try await server.receive(timeout: patience)
        let hasLeft = try await server.reply(
            to: question, with: question.bytes, timeout: patience)
        guard hasLeft else { throw Lost() }
        try same(try await client.receive(timeout: patience).bytes, Array("question".utf8))
    }

    private func file() async throws {
        let path = unixPath("file")
        _ = FileManager.default.createFile(atPath: path, contents: Data(payload))
        let file = try FileDescriptor.open(path, .readOnly)
        defer {
            try? file.close()
            unlink(path)
        }
        let (one, other) = try Connection.pair()
        let (bytes, _) = try await other.duplex { other in
            try await other.readToEnd(timeout: patience)
        } writing: { _ in
            // Whatever becomes of the file, the other end must not wait for more of it.
            defer { one.close() }
            try await one.sendFile(file, timeout: patience)
        }
        other.close()
        try same(bytes, payload)
    }

    private func pair() async throws {
        let (one, other) = try Connection.pair()
        defer {
            one.close()
            other.close()
        }
        try await one.write(parts: [[1, 2, 3], [], [4, 10]], timeout: patience)
        try one.shutdown(.write)
        try same(Array((try await other.readLine(timeout: patience) ?? "").utf8), [1, 2, 3, 4])
        _ = try? other.diagnose()
    }
}
