import Foundation
import Sockets

/// Looks names up while earlier lookups still wait for a silent name server.
struct Lookups: Sendable {
    let stuck: Int
    let limit: TimeLimit
    let names: [String]

    /// Creates the lookups from the words `STUCK SECONDS NAME...`.
    ///
    /// A name `COUNT*NAME` stands for COUNT names below NAME, which are looked up at once.
    init(_ words: some Collection<String>) {
        let words = Array(words)
        stuck = Int(words[0]) ?? 0
        limit = .seconds(Double(words[1]) ?? 1)
        names = words.dropFirst(2).map { $0 }
    }

    func blocking() {
        _ = atOnce((0..<stuck).map { "stuck\($0).test" }) { name in
            try Resolver.resolve(host: name, timeout: .milliseconds(50)).addresses
        }
        for name in names {
            report(
                name,
                atOnce(expanded(name)) { try Resolver.resolve(host: $0, timeout: limit).addresses })
        }
    }

    func tasks() async {
        _ = await atOnceInTasks((0..<stuck).map { "stuck\($0).test" }, .milliseconds(50))
        for name in names { report(name, await atOnceInTasks(expanded(name), limit)) }
    }

    private func expanded(_ name: String) -> [String] {
        let parts = name.split(separator: "*")
        guard parts.count == 2, let count = Int(parts[0]) else { return [name] }
        return (0..<count).map { "n\($0).\(parts[1])" }
    }

    private func report(_ name: String, _ results: [Result<[SocketAddress], any Error>]) {
        let failures = results.compactMap { result -> String? in
            guard case .failure(let error) = result else { return nil }
            return "\(error)"
        }
        let found = results.compactMap { try? $0.get() }
        say("\(name): \(found.count) of \(results.count) resolved")
        if let first = found.first { say("  \(first.map { "\($0)" }.joined(separator: " "))") }
        for failure in Set(failures).prefix(3) { say("  \(failure)") }
    }

    private func atOnce(
        _ names: [String], _ resolve: @escaping @Sendable (String) throws -> [SocketAddress]
    ) -> [Result<[SocketAddress], any Error>] {
        let group = DispatchGroup()
        let results = LockedResults()
        for name in names {
            group.enter()
            let thread = Thread {
                results.append(Result { try resolve(name) })
                group.leave()
            }
            thread.start()
        }
        group.wait()
        return results.all
    }

    private func atOnceInTasks(
        _ names: [String], _ limit: TimeLimit
    ) async -> [Result<[SocketAddress], any Error>] {
        await withTaskGroup { group in
            for name in names {
                group.addTask {
                    do {
                        return Result<[SocketAddress], any Error>.success(
                            try await Resolver.resolve(host: name, timeout: limit).addresses)
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}

/// Results that several threads collect.
private final class LockedResults: @unchecked Sendable {
    // Safe: the lock protects the array.
    private let lock = NSLock()
    private var results: [Result<[SocketAddress], any Error>] = []

    func append(_ result: Result<[SocketAddress], any Error>) {
        lock.withLock { results.append(result) }
    }

    var all: [Result<[SocketAddress], any Error>] { lock.withLock { results } }
}
