import Foundation
import Synchronization
import Testing

@testable import Sockets

/// The five races that a library of sockets has to win, round after round: nobody waits for ever, no
/// byte is lost or comes twice, nobody is told what is not so, and nothing is left behind.
///
/// Each race in a process of its own. `SOCKETS_RACE_ROUNDS=100000` makes it the whole search.
@Suite("Races, round after round", .ownThread)
struct RaceRoundsTests {
    @Test("close against a read that blocks: it ends, and never with another socket's bytes")
    func closeAgainstBlockingRead() async throws {
        guard Duel.isApart else { return try await Self.closeAgainstBlockingRead() }
        await #expect(processExitsWith: .success) { try await Self.closeAgainstBlockingRead() }
    }

    private static func closeAgainstBlockingRead() async throws {
        let before = openSockets()
        let strangers = Lock<[Socket]>([])
        var counts = (bytes: 0, closed: 0)
        try Duel.run { round in
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
            // Takes the descriptor's number, if it is free, and has something to read.
            guard let (stranger, friend) = try? Socket.pair() else { return }
            _ = try? friend.send("y")
            strangers.withLock { $0 = [stranger, friend] }
        }
        strangers.withLock { $0 = [] }
        await Duel.finish(
            "close against blocking read", socketsBefore: before, counts.bytes, counts.closed)
    }

    @Test("close against a read that is awaited: it ends, and never with another socket's bytes")
    func closeAgainstRead() async throws {
        guard Duel.isApart else { return try await Self.closeAgainstRead() }
        await #expect(processExitsWith: .success) { try await Self.closeAgainstRead() }
    }

    private static func closeAgainstRead() async throws {
        _ = LoopGroup.shared
        let before = openSockets()
        var counts = (bytes: 0, closed: 0)
        for round in 0..<Duel.rounds {
            Duel.watch(round)
            let (one, other) = try Connection.pair()
            let isPlaced = round.isMultiple(of: 2)
            let reading = Task(executorPreference: isPlaced ? one.source.loop : nil) {
                try await one.read(atMost: 16)
            }
            if round.isMultiple(of: 3) { try await other.write("x") }
            if round.isMultiple(of: 5) { await Task.yield() }
            one.close()
            let (stranger, friend) = try Connection.pair()
            try await friend.write("y")
            switch await reading.result {
            case .success(let bytes):
                precondition(bytes == [0x78], "bytes of another socket: \(bytes)")
                counts.bytes += 1
            case .failure(let error):
                precondition((error as? SocketError)?.cause == .closed, "\(error)")
                counts.closed += 1
            }
            stranger.close()
        }
        await Duel.finish(
            "close against read", socketsBefore: before, counts.bytes, counts.closed)
    }

    @Test("a cancellation against a byte that comes: one of both, and the byte is not lost")
    func cancelAgainstReadiness() async throws {
        guard Duel.isApart else { return try await Self.cancelAgainstReadiness() }
        await #expect(processExitsWith: .success) { try await Self.cancelAgainstReadiness() }
    }

    private static func cancelAgainstReadiness() async throws {
        let (here, there) = try Connection.pair()
        let before = openSockets()
        var cancelled = 0
        for round in 0..<Duel.rounds {
            Duel.watch(round)
            let byte = UInt8(truncatingIfNeeded: round)
            let isPlaced = round.isMultiple(of: 2)
            let isScoped = round.isMultiple(of: 3)
            let reading = Task(executorPreference: isPlaced ? here.source.loop : nil) {
                guard isScoped else { return try await here.read(atMost: 16) }
                // As `serve` does: one handler for all waits of the task.
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
        await Duel.finish("cancel against readiness", socketsBefore: before, cancelled)
    }

    @Test("a deadline against a byte that comes: never early, one of both, and no byte is lost")
    func deadlineAgainstData() async throws {
        guard Duel.isApart else { return try await Self.deadlineAgainstData() }
        await #expect(processExitsWith: .success) { try await Self.deadlineAgainstData() }
    }

    private static func deadlineAgainstData() async throws {
        _ = LoopGroup.shared
        let before = openSockets()
        let lanes = 16
        let expired = Lock(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<lanes {
                group.addTask { try await deadlineRounds(lane, of: lanes, expired) }
            }
            try await group.waitForAll()
        }
        await Duel.finish(
            "deadline against data", socketsBefore: before, expired.withLock { $0 })
    }

    private static func deadlineRounds(
        _ lane: Int, of lanes: Int, _ expired: Lock<Int>
    ) async throws {
        let (here, there) = try Connection.pair()
        let pause = Wakeup()
        for round in stride(from: lane, to: Duel.rounds, by: lanes) {
            if lane == 0 { Duel.watch(round / lanes) }
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

    @Test("close against an accept that blocks: the caller is accepted or refused, never forgotten")
    func closeAgainstBlockingAccept() async throws {
        guard Duel.isApart else { return try await Self.closeAgainstBlockingAccept() }
        await #expect(processExitsWith: .success) { try await Self.closeAgainstBlockingAccept() }
    }

    private static func closeAgainstBlockingAccept() async throws {
        let before = openSockets()
        var counts = (accepted: 0, closed: 0)
        try Duel.run { round in
            let listener = try Socket(on: .unix("@race-\(getpid())-\(round)"))
            return (listener, try Socket(to: listener.localAddress))
        } _: { listener, _ in
            do throws(SocketError) {
                // The first may be there, the second never is.
                for _ in 0..<2 {
                    _ = try listener.accept(timeout: .seconds(20))
                    counts.accepted += 1
                }
                preconditionFailure("a second caller was accepted")
            } catch {
                precondition(error.cause == .closed, "\(error)")
                counts.closed += 1
            }
        } against: { listener, _ in
            listener.close()
        } then: { _, caller in
            // Accepted and hung up on, or hung up on in the queue.
            let end = (try? caller.receive(timeout: .seconds(20))) ?? []
            precondition(end.isEmpty)
        }
        await Duel.finish(
            "close against blocking accept", socketsBefore: before, counts.accepted,
            counts.closed)
    }

    @Test("the end of a server against a caller: he is served or refused, and the server ends")
    func shutdownAgainstAccept() async throws {
        guard Duel.isApart else { return try await Self.shutdownAgainstAccept() }
        await #expect(processExitsWith: .success) { try await Self.shutdownAgainstAccept() }
    }

    private static func shutdownAgainstAccept() async throws {
        _ = LoopGroup.shared
        let before = openSockets()
        var served = 0
        for round in 0..<Duel.rounds {
            Duel.watch(round)
            let listener = try await Listener(on: .unix("@race-\(getpid())-\(round)"))
            let address = listener.localAddress
            let serving = Task {
                do throws(SocketError) {
                    try await listener.serve(options: ServeOptions(gracePeriod: .seconds(20))) {
                        caller in
                        try await caller.write("x")
                    }
                } catch {
                    // It may have been closed before it had begun to serve.
                    precondition(error.cause == .closed, "\(error)")
                }
            }
            let calling = Task { () -> Int in
                do throws(SocketError) {
                    return try await Connection(to: address).read(atMost: 4).count
                } catch {
                    // ECONNREFUSED, or ECONNRESET of one who was in the queue.
                    precondition(error.errno != nil, "\(error)")
                    return 0
                }
            }
            for _ in 0..<round % 4 { await Task.yield() }
            if round.isMultiple(of: 2) { serving.cancel() } else { listener.close() }
            served += await calling.value
            await serving.value
        }
        await Duel.finish("shutdown against accept", socketsBefore: before, served)
    }

    @Test("the last reference goes on a foreign thread while events and timers are under way")
    func lastReleaseOnAForeignThread() async throws {
        guard Duel.isApart else { return try await Self.lastReleaseOnAForeignThread() }
        await #expect(processExitsWith: .success) { try await Self.lastReleaseOnAForeignThread() }
    }

    private static func lastReleaseOnAForeignThread() async throws {
        _ = LoopGroup.shared
        let before = openSockets()
        let sources = Lock<[WeakSource]>([])
        try Duel.run { round -> (Box, Connection) in
            let (one, other) = try Connection.pair()
            sources.withLock { $0.append(WeakSource(source: one.source)) }
            // A deadline leaves a timer behind, which must not keep the connection.
            let loop = one.source.loop
            let (source, instant) = (one.source, System.continuousNanoseconds() + 1_000_000)
            if round.isMultiple(of: 2) {
                loop.perform { $0.schedule(source, .reading, at: instant) }
            }
            return (Box(one), other)
        } _: { box, _ in
            box.empty()
        } against: { _, other in
            // The events of these bytes, and of the end, are told to a source that goes.
            _ = try? System.send(other.source.descriptor, "x", .dontWait)
            other.close()
        }
        alarm(30)
        let areGone = await eventually {
            sources.withLock { $0.allSatisfy { $0.source == nil } }
        }
        precondition(areGone, "sources are kept by their loops")
        await Duel.finish("last release on a foreign thread", socketsBefore: before)
    }

    private struct WeakSource: Sendable {
        weak let source: EventSource?
    }

    /// Holds the last reference to a connection, until it is told to let go.
    private final class Box: Sendable {
        private let connection: Lock<Connection?>
        init(_ connection: Connection) { self.connection = Lock(connection) }
        func empty() { connection.withLock { $0 = nil } }
    }
}
