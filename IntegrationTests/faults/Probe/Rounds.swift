import Foundation
import Sockets

/// More bytes than the kernel buffers for a connection, so that a sender must wait.
let payload = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

/// The time limit of each wait in a round.
let stepLimit = TimeLimit.seconds(1)

/// The received bytes are not those that were sent.
struct Altered: Error, CustomStringConvertible {
    var description: String { "the received bytes differ from those that were sent" }
}

func same(_ one: [UInt8], _ other: [UInt8]) throws {
    guard one == other else { throw Altered() }
}

/// `reply` returned false, so the answer was not sent.
struct Lost: Error, CustomStringConvertible {
    var description: String { "the answer was not sent" }
}

/// A path for a Unix socket of this process.
func unixPath(_ name: String) -> String { "/tmp/fault-probe-\(getpid())-\(name)" }

/// Prints the result of a step.
///
/// A failed step does not prevent the next step.
func report(_ step: String, _ error: (any Error)?) {
    say("\(step): \(error.map { "\($0)" } ?? "ok")")
}

/// Makes every call of the blocking API once.
struct BlockingRounds {
    func run() {
        // Creates the payload before a peer waits for it.
        _ = payload.count
        let before = openDescriptors()
        step("tcp") { try stream(.tcp("127.0.0.1", port: 0)) }
        step("unix") { try stream(.unix(unixPath("stream"))) }
        step("udp") { try datagrams(.udp("127.0.0.1", port: 0)) }
        step("unixgram") { try datagrams(.unixDatagram(unixPath("datagram"))) }
        step("pair", pair)
        step("name") { _ = try Resolver.resolve(.tcp("localhost", port: 80), timeout: stepLimit) }
        say("left open: \(openDescriptors() - before)")
    }

    private func step(_ name: String, _ body: () throws -> Void) {
        do {
            try body()
            report(name, nil)
        } catch {
            report(name, error)
        }
    }

    private func stream(_ endpoint: Endpoint) throws {
        let listener = try Socket(on: endpoint)
        defer { listener.close() }
        let server = Outcome()
        Thread.detachNewThread {
            server.end { try echo(to: try listener.accept(timeout: stepLimit)) }
        }
        do {
            let client = try Socket(to: listener.localAddress, timeout: stepLimit)
            defer { client.close() }
            try client.setOption(.keepAlive, to: true)
            _ = try client.option(.receiveBufferSize)
            let copy = try client.duplicate()
            copy.close()
            let reply = try client.exchange(payload, reading: .toEnd(), timeout: stepLimit)
            if reply.unsentRequestBytes == 0 { try same(reply.bytes, payload) }
        } catch {
            // The server's error may be the cause of the client's error.
            listener.close()
            if let failure = server.error { report("server", failure) }
            throw error
        }
        if let failure = server.error { throw failure }
    }

    private func echo(to client: Socket) throws {
        defer { client.close() }
        while true {
            let bytes = try client.receive(timeout: stepLimit)
            if bytes.isEmpty { return }
            try client.sendAll(bytes, timeout: stepLimit)
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
        try client.send("question", to: server.localAddress, timeout: stepLimit)
        let question = try server.receiveFrom(timeout: stepLimit)
        try server.send(question.bytes, to: question.sender, timeout: stepLimit)
        try same(try client.receiveFrom(timeout: stepLimit).bytes, Array("question".utf8))
    }

    private func pair() throws {
        let (one, other) = try Socket.pair()
        defer {
            one.close()
            other.close()
        }
        try one.sendAll(parts: [[1, 2, 3], [], [4]], timeout: stepLimit)
        try one.shutdown(.write)
        let stream = SocketStream(other)
        try same(try stream.readToEnd(timeout: stepLimit), [1, 2, 3, 4])
        _ = try other.diagnose()
    }
}

/// The result of a server's thread.
final class Outcome: @unchecked Sendable {
    // Safe: the condition guards the result.
    private let condition = NSCondition()
    private var result: Result<Void, any Error>?

    func end(_ body: () throws -> Void) {
        let result = Result { try body() }
        condition.lock()
        self.result = result
        condition.broadcast()
        condition.unlock()
    }

    /// Waits for the thread to end and returns its error.
    var error: (any Error)? {
        condition.lock()
        defer { condition.unlock() }
        let end = Date(timeIntervalSinceNow: 4)
        while result == nil, condition.wait(until: end) {}
        guard case .failure(let error) = result else { return nil }
        return error
    }
}

/// Makes every call of the async API once.
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
                _ = try await Connection(to: endpoint, timeout: stepLimit)
            } catch {
                guard error.errno == .connectionRefused else { throw error }
            }
        }
        // The loop releases closed descriptors later.
        for _ in 0..<100 where openDescriptors() > before {
            try? await Task.sleep(for: .milliseconds(10))
        }
        say("left open: \(openDescriptors() - before)")
    }

    private func step(_ name: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            report(name, nil)
        } catch {
            report(name, error)
        }
    }

    private func stream(_ endpoint: Endpoint) async throws {
        let listener = try await Listener(on: endpoint)
        let address = loopback(listener.localAddress)
        let serving = Task {
            try await listener.serve(options: ServeOptions(gracePeriod: .zero)) { client in
                do { try await client.echo() } catch {
                    report("server", error)
                    // If the handler returned, `serve` would end the echoed part like a whole stream.
                    throw error
                }
            }
        }
        do {
            let client = try await Connection(to: address, timeout: stepLimit)
            defer { client.close() }
            let reply = try await client.exchange(payload, reading: .toEnd(), timeout: stepLimit)
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
        try await client.send("question", timeout: stepLimit)
        let question = try await server.receive(timeout: stepLimit)
        let hasLeft = try await server.reply(
            to: question, with: question.bytes, timeout: stepLimit)
        guard hasLeft else { throw Lost() }
        try same(try await client.receive(timeout: stepLimit).bytes, Array("question".utf8))
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
            try await other.readToEnd(timeout: stepLimit)
        } writing: { _ in
            // The other end must not wait for more of the file if sending it fails.
            defer { one.close() }
            try await one.sendFile(file, timeout: stepLimit)
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
        try await one.write(parts: [[1, 2, 3], [], [4, 10]], timeout: stepLimit)
        try one.shutdown(.write)
        try same(Array((try await other.readLine(timeout: stepLimit) ?? "").utf8), [1, 2, 3, 4])
        _ = try? other.diagnose()
    }
}
