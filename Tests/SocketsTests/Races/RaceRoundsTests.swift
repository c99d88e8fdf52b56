import Foundation
import Synchronization
import Testing

@testable import Sockets

/// Races between operations on one socket.
///
/// No operation waits forever, no byte is lost or repeated, each error is correct, and no
/// descriptor leaks.
///
/// Each race runs in a child process. `SOCKETS_RACE_ROUNDS=100000` makes it a long search.
@Suite("Races over many rounds", .ownThread)
struct RaceRoundsTests {
    @Test(
        "close ends a concurrent blocking read, and the read never returns another socket's bytes")
    func closeAgainstBlockingRead() async throws {
        guard Race.usesChildProcess else { return try await Self.closeAgainstBlockingRead() }
        await #expect(processExitsWith: .success) { try await Self.closeAgainstBlockingRead() }
    }

    private static func closeAgainstBlockingRead() async throws {
        let before = openSockets()
        let intruders = Lock<[Socket]>([])
        var counts = (bytes: 0, closed: 0)
        try Race.run { round in
            let (one, other) = try Socket.pair()
            if round.isMultiple(of: 3) { try other.send("x") }
            return (one, other)
        } _: { one, _ in
            do throws(SocketError) {
                let bytes = try one.receive(timeout: .seconds(20))
                precondition(bytes == [0x78], "bytes of another socket: \(bytes)")
                counts.bytes += 1
            } catch {
                precondition(error.cause == .closed, "\(error)")
                counts.closed += 1
            }
        } against: { one, _ in
            one.close()
            // Reuses the descriptor's number if it is free, and makes it readable.
            guard let (intruder, intruderPeer) = try? Socket.pair() else { return }
            _ = try? intruderPeer.send("y")
            intruders.withLock { $0 = [intruder, intruderPeer] }
        }
        intruders.withLock { $0 = [] }
        await Race.finish(
            "close against blocking read", socketsBefore: before, counts.bytes, counts.closed)
    }

    @Test("close ends a concurrent async read, and the read never returns another socket's bytes")
    func closeAgainstRead() async throws {
        guard Race.usesChildProcess else { return try await Self.closeAgainstRead() }
        await #expect(processExitsWith: .success) { try await Self.closeAgainstRead() }
    }

    private static func closeAgainstRead() async throws {
        _ = LoopGroup.shared
        let before = openSockets()
        var counts = (bytes: 0, closed: 0)
        for round in 0..<Race.rounds {
            Race.watch(round)
            let (one, other) = try Connection.pair()
            let isPlaced = round.isMultiple(of: 2)
            let reading = Task(executorPreference: isPlaced ? one.source.loop : nil) {
                try await one.read(atMost: 16)
            }
            if round.isMultiple(of: 3) { try await other.write("x") }
            if round.isMultiple(of: 5) { await Task.yield() }
            one.close()
            let (intruder, intruderPeer) = try Connection.pair()
            try await intruderPeer.write("y")
            switch await reading.result {
            case .success(let bytes):
                precondition(bytes == [0x78], "bytes of another socket: \(bytes)")
                counts.bytes += 1
            case .failure(let error):
                precondition((error as? SocketError)?.cause == .closed, "\(error)")
                counts.closed += 1
            }
            intruder.close()
        }
        await Race.finish(
            "close against read", socketsBefore: before, counts.bytes, counts.closed)
    }

    @Test("a cancellation that races the arrival of a byte ends the read and loses no byte")
    func cancelAgainstReadiness() async throws {
        guard Race.usesChildProcess else { return try await Self.cancelAgainstReadiness() }
        await #expect(processExitsWith: .success) { try await Self.cancelAgainstReadiness() }
    }

    private static func cancelAgainstReadiness() async throws {
        let (here, there) = try Connection.pair()
        let before = openSockets()
        var cancelled = 0
        for round in 0..<Race.rounds {
            Race.watch(round)
            let byte = UInt8(truncatingIfNeeded: round)
            let isPlaced = round.isMultiple(of: 2)
            let isScoped = round.isMultiple(of: 3)
            let reading = Task(executorPreference: isPlaced ? here.source.loop : nil) {
                guard isScoped else { return try await here.read(atMost: 16) }
                // Like `serve`, which installs one cancellation handler for all waits of a task.
                return try await here.source.withCancellationScope {
                    try await here.read(atMost: 16)
                }
            }
            let writing = Task { try await there.write([byte]) }
            if round.isMultiple(of: 7) { await Task.yield() }
            reading.cancel()
            switch await reading.result {
            case .success(let bytes):
                precondition(bytes == [byte], "\(bytes) instead of \(byte)")
            case .failure(let error):
                precondition((error as? SocketError)?.cause == .cancelled, "\(error)")
                cancelled += 1
                let bytes = try await here.read(atMost: 16)
                precondition(bytes == [byte], "\(bytes) instead of \(byte) afterwards")
            }
            try await writing.value
        }
        await Race.finish("cancel against readiness", socketsBefore: before, cancelled)
    }

    @Test("a deadline that races the arrival of a byte never ends the read early and loses no byte")
    func deadlineAgainstData() async throws {
        guard Race.usesChildProcess else { return try await Self.deadlineAgainstData() }
        await #expect(processExitsWith: .success) { try await Self.deadlineAgainstData() }
    }

    private static func deadlineAgainstData() async throws {
        _ = LoopGroup.shared
        let before = openSockets()
        let workers = 16
        let expired = Lock(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<workers {
                group.addTask { try await deadlineRounds(worker, of: workers, expired) }
            }
            try await group.waitForAll()
        }
        await Race.finish(
            "deadline against data", socketsBefore: before, expired.withLock { $0 })
    }

    private static func deadlineRounds(
        _ worker: Int, of workers: Int, _ expired: Lock<Int>
    ) async throws {
        let (here, there) = try Connection.pair()
        let pause = Wakeup()
        for round in stride(from: worker, to: Race.rounds, by: workers) {
            if worker == 0 { Race.watch(round / workers) }
            let byte = UInt8(truncatingIfNeeded: round)
            let limit: Int64 = 1_000_000
            let start = System.continuousNanoseconds()
            let writing = Task(
                executorPreference: round.isMultiple(of: 2) ? here.source.loop : nil
            ) {
                pause.reset()
                await pause.wait(until: start + limit, on: there.source.loop)
                try await there.write([byte])
            }
            do throws(SocketError) {
                let bytes = try await here.read(atMost: 16, timeout: .milliseconds(1))
                precondition(bytes == [byte], "\(bytes) instead of \(byte)")
            } catch {
                precondition(error.isTimeout, "\(error)")
                let took = System.continuousNanoseconds() - start
                precondition(took >= limit, "a deadline of 1 ms passed after \(took) ns")
                expired.withLock { $0 += 1 }
                let bytes = try await here.read(atMost: 16)
                precondition(bytes == [byte], "\(bytes) instead of \(byte) afterwards")
            }
            try await writing.value
        }
    }

    @Test("close ends a concurrent blocking accept, and a waiting client is disconnected")
    func closeAgainstBlockingAccept() async throws {
        guard Race.usesChildProcess else { return try await Self.closeAgainstBlockingAccept() }
        await #expect(processExitsWith: .success) { try await Self.closeAgainstBlockingAccept() }
    }

    private static func closeAgainstBlockingAccept() async throws {
        let before = openSockets()
        var counts = (accepted: 0, closed: 0)
        try Race.run { round in
            let listener = try Socket(on: .unix("@race-\(getpid())-\(round)"))
            return (listener, try Socket(to: listener.localAddress))
        } _: { listener, _ in
            do throws(SocketError) {
                // The first client may be in the backlog, and there is no second client.
                for _ in 0..<2 {
                    _ = try listener.accept(timeout: .seconds(20))
                    counts.accepted += 1
                }
                preconditionFailure("a second client was accepted")
            } catch {
                precondition(error.cause == .closed, "\(error)")
                counts.closed += 1
            }
        } against: { listener, _ in
            listener.close()
        } then: { _, client in
            // The client was accepted and disconnected, or disconnected in the backlog.
            let end = (try? client.receive(timeout: .seconds(20))) ?? []
            precondition(end.isEmpty)
        }
        await Race.finish(
            "close against blocking accept", socketsBefore: before, counts.accepted,
            counts.closed)
    }

    @Test("a client that connects while a server stops is served or refused, and serve returns")
    func shutdownAgainstAccept() async throws {
        guard Race.usesChildProcess else { return try await Self.shutdownAgainstAccept() }
        await #expect(processExitsWith: .success) { try await Self.shutdownAgainstAccept() }
    }

    private static func shutdownAgainstAccept() async throws {
        _ = LoopGroup.shared
        let before = openSockets()
        var served = 0
        for round in 0..<Race.rounds {
            Race.watch(round)
            let listener = try await Listener(on: .unix("@race-\(getpid())-\(round)"))
            let address = listener.localAddress
            let serving = Task {
                do throws(SocketError) {
                    try await listener.serve(options: ServeOptions(gracePeriod: .seconds(20))) {
                        client in
                        try await client.write("x")
                    }
                } catch {
                    // The listener may be closed before `serve` begins.
                    precondition(error.cause == .closed, "\(error)")
                }
            }
            let calling = Task { () -> Int in
                do throws(SocketError) {
                    return try await Connection(to: address).read(atMost: 4).count
                } catch {
                    // ECONNREFUSED, or ECONNRESET for a client in the backlog.
                    precondition(error.errno != nil, "\(error)")
                    return 0
                }
            }
            for _ in 0..<round % 4 { await Task.yield() }
            if round.isMultiple(of: 2) { serving.cancel() } else { listener.close() }
            served += await calling.value
            await serving.value
        }
        await Race.finish("shutdown against accept", socketsBefore: before, served)
    }

    @Test("releasing a connection on another thread leaks nothing despite pending events or timers")
    func lastReleaseOnAForeignThread() async throws {
        guard Race.usesChildProcess else { return try await Self.lastReleaseOnAForeignThread() }
        await #expect(processExitsWith: .success) { try await Self.lastReleaseOnAForeignThread() }
    }

    private static func lastReleaseOnAForeignThread() async throws {
        _ = LoopGroup.shared
        let before = openSockets()
        let sources = Lock<[WeakSource]>([])
        try Race.run { round -> (Box, Connection) in
            let (one, other) = try Connection.pair()
            sources.withLock { $0.append(WeakSource(source: one.source)) }
            // A deadline leaves a timer behind, which must not retain the connection.
            let loop = one.source.loop
            let (source, instant) = (one.source, System.continuousNanoseconds() + 1_000_000)
            if round.isMultiple(of: 2) {
                loop.perform { $0.schedule(source, .reading, at: instant) }
            }
            return (Box(one), other)
        } _: { box, _ in
            box.empty()
        } against: { _, other in
            // The events of these bytes and of EOF reach a source that is being released.
            _ = try? System.send(other.source.descriptor, "x", .dontWait)
            other.close()
        }
        alarm(30)
        let areReleased = await eventually {
            sources.withLock { $0.allSatisfy { $0.source == nil } }
        }
        precondition(areReleased, "the loops retain sources")
        await Race.finish("last release on a foreign thread", socketsBefore: before)
    }

    private struct WeakSource: Sendable {
        weak let source: EventSource?
    }

    /// Holds the last reference to a connection until `empty()` releases it.
    private final class Box: Sendable {
        private let connection: Lock<Connection?>
        init(_ connection: Connection) { self.connection = Lock(connection) }
        func empty() { connection.withLock { $0 = nil } }
    }
}
