import Foundation
import Sockets

/// Plain connections that both ends upgrade with `startTLS`, some at a time, and an echo over each.
///
/// It prints how many upgrades succeeded, and the error of each failure.
struct Upgrades {
    private let count: Int
    private let atOnce: Int
    private let listener: Listener
    private let serverTLS: TLSConfiguration
    private let clientTLS: TLSConfiguration

    init(count: Int, atOnce: Int) async throws {
        self.count = count
        self.atOnce = atOnce
        let identity = try TLSIdentity.selfSigned(for: "localhost")
        serverTLS = .server(identity)
        clientTLS = .client(
            serverName: "localhost", trust: try TLSTrust(certificateOf: identity))
        listener = try await Listener(on: .tcp("127.0.0.1", port: 0))
    }

    /// Upgrades with a `SocketStream` on each of the threads.
    func blocking() async {
        let serving = serve()
        let results = Tally()
        let group = DispatchGroup()
        for worker in 0..<atOnce {
            group.enter()
            Thread.detachNewThread {
                for number in stride(from: worker, to: count, by: atOnce) {
                    results.note { try upgrade(number) }
                }
                group.leave()
            }
        }
        await withCheckedContinuation { continuation in
            group.notify(queue: .global()) { continuation.resume() }
        }
        serving.cancel()
        results.report(of: count)
    }

    /// Upgrades with a `Connection` in each of the tasks.
    func tasks() async {
        let serving = serve()
        let results = Tally()
        await withTaskGroup { group in
            for worker in 0..<atOnce {
                group.addTask {
                    for number in stride(from: worker, to: count, by: atOnce) {
                        await results.note { try await upgrade(number) }
                    }
                }
            }
        }
        serving.cancel()
        results.report(of: count)
    }

    private func serve() -> Task<Void, any Error> {
        Task {
            try await listener.serve { [serverTLS] client in
                guard try await client.readLine() == "STARTTLS" else { return }
                try await client.write("go ahead\n")
                try await client.startTLS(serverTLS)
                try await client.echo()
            }
        }
    }

    private func upgrade(_ number: Int) throws {
        let stream = SocketStream(try Socket(to: listener.localAddress))
        try stream.write("STARTTLS\n")
        try stream.flush()
        try require(try stream.readLine(), "go ahead")
        try stream.startTLS(clientTLS)
        try stream.write("upgrade \(number)\n")
        try stream.flush()
        try require(try stream.readLine(), "upgrade \(number)")
        try require(stream.tls?.version, .tls13)
        try stream.close()
    }

    private func upgrade(_ number: Int) async throws {
        let connection = try await Connection(to: listener.localAddress)
        try await connection.write("STARTTLS\n")
        try require(try await connection.readLine(), "go ahead")
        try await connection.startTLS(clientTLS)
        try await connection.write("upgrade \(number)\n")
        try require(try await connection.readLine(), "upgrade \(number)")
        try require(connection.tls?.version, .tls13)
        connection.close()
    }

    private struct Unexpected: Error, CustomStringConvertible {
        let description: String
    }

    private func require<Value: Equatable>(_ value: Value?, _ expected: Value) throws {
        guard value != expected else { return }
        let found = value.map { "\($0)" } ?? "nothing"
        throw Unexpected(description: "expected \(expected), but found \(found)")
    }
}

/// The successes and the errors of operations on several threads.
private final class Tally: @unchecked Sendable {
    // Safe: the lock guards both.
    private let lock = NSLock()
    private var succeeded = 0
    private var errors: [String] = []

    func note(_ operation: () throws -> Void) {
        add(Result(catching: operation))
    }

    func note(_ operation: () async throws -> Void) async {
        do {
            try await operation()
            add(.success(()))
        } catch {
            add(.failure(error))
        }
    }

    private func add(_ result: Result<Void, any Error>) {
        lock.withLock {
            switch result {
            case .success: succeeded += 1
            case .failure(let error): errors.append("\(error)")
            }
        }
    }

    func report(of count: Int) {
        for error in Set(errors) { say("failed: \(error)") }
        say("upgraded \(succeeded) of \(count)")
    }
}
