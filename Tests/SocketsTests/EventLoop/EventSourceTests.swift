import Synchronization
import SystemPackage
import Testing

@testable import Sockets

@Suite("EventSource", .ownThread)
struct EventSourceTests {
    @Test("each direction of a source accepts one operation at a time")
    func busy() throws {
        let (one, _) = try Connection.pair()
        let source = one.source
        try source.beginReading()
        #expect { try source.beginReading() } throws: { ($0 as? WaitFailure)?.cause == .busy }
        try source.beginWritingAtOnce()
        source.endWriting()
        source.endReading()
        try source.beginReading()
        source.endReading()
    }

    @Test("begin throws `closed` after close, and a second close has no effect")
    func closed() throws {
        let (one, _) = try Connection.pair()
        one.source.close()
        one.source.close()
        #expect { try one.source.beginReading() } throws: {
            ($0 as? WaitFailure)?.cause == .closed
        }
        let (next, _) = try Connection.pair()
        #expect(!next.isClosed)
    }

    @Test("a read times out no earlier than its deadline, despite timers of earlier reads")
    func laterDeadline() async throws {
        let (one, other) = try Connection.pair()
        defer { other.close() }
        // Each read leaves a timer behind that is earlier or later than the next deadline.
        for milliseconds in [40, 5, 60, 1] {
            let start = ContinuousClock.now
            let error = await #expect(throws: SocketError.self) {
                try await one.read(timeout: .milliseconds(milliseconds))
            }
            #expect(error?.isTimeout == true)
            #expect(start.duration(to: .now) >= .milliseconds(milliseconds))
        }
    }

    @Test("timerFired reschedules an early timer and makes the direction ready at the deadline")
    func timers() throws {
        // If the peer closed, its event would wake the source.
        let (one, peer) = try Connection.pair()
        defer { peer.close() }
        one.source.withState(.reading) { $0.deadline.store(50, ordering: .relaxed) }
        one.source.reading.word.clear()
        #expect(one.source.timerFired(.reading, 20) == 50)
        var isReady = one.source.reading.word.isReady
        #expect(!isReady)
        #expect(one.source.timerFired(.reading, 50) == nil)
        isReady = one.source.reading.word.isReady
        #expect(isReady)
        one.source.withState(.reading) { $0.deadline.store(.max, ordering: .relaxed) }
        #expect(one.source.timerFired(.reading, 60) == nil)
    }

    @Test("a closed source with pending timers is deallocated")
    func memory() async throws {
        let group = try LoopGroup(loops: 1)
        defer { group.shutdown() }
        weak var source: EventSource?
        do {
            // Closing a datagram socket causes no event.
            let channel = try await DatagramChannel(on: .udp("127.0.0.1", port: 0), group: group)
            source = channel.source
            let waits = {
                channel.source.withState(.reading) { $0.deadline.load(ordering: .relaxed) != .max }
            }
            // The second deadline is earlier and replaces the first one.
            for limit in [TimeLimit.seconds(3600), .seconds(1800)] {
                async let receiving = channel.receive(timeout: limit)
                #expect(await eventually(waits))
                try await channel.send("x", to: channel.localAddress)
                #expect(try await receiving.bytes == [0x78])
            }
            channel.close()
        }
        #expect(await eventually { source == nil })
    }

    @Test("close shuts the connection down even during an operation")
    func closeInside() async throws {
        let (one, other) = try Connection.pair()
        try one.source.beginReading()
        one.close()
        #expect(try await other.read(atMost: 1, timeout: .seconds(10)).isEmpty)
        one.source.endReading()
    }

    @Test("cancelling the task of a scope ends every read in the scope, and a later read succeeds")
    func cancellationScope() async throws {
        let (one, other) = try Connection.pair()
        let task = Task {
            await one.source.withCancellationScope {
                await #expect(throws: SocketError.self) { try await one.read() }
                await #expect(throws: SocketError.self) { try await one.read() }
            }
        }
        task.cancel()
        await task.value
        try await other.write("x")
        #expect(try await one.read() == [0x78])
    }

    @Test("a closing cancellation scope closes the source when the scope's task is cancelled")
    func closingScope() async throws {
        let (one, other) = try Connection.pair()
        let task = Task {
            await one.source.withCancellationScope(closing: true) {
                await #expect(throws: SocketError.self) { try await one.read() }
            }
        }
        task.cancel()
        let error = await task.value
        // The cause depends on whether the read began before the cancellation.
        #expect(error?.cause == .cancelled || error?.cause == .closed)
        #expect(one.isClosed)
        #expect(try await other.read().isEmpty)
    }

    @Test(
        "10,000 reads that race close throw `closed` and never return bytes of another connection")
    func closesRacingReads() async throws {
        let group = try LoopGroup(loops: 2)
        try await withThrowingTaskGroup(of: Void.self) { workers in
            for worker in 0..<4 {
                workers.addTask(executorPreference: worker < 2 ? group.loops[worker] : nil) {
                    for _ in 0..<2_500 { try await closeWhileReading(on: group) }
                }
            }
            try await workers.waitForAll()
        }
    }

    private func closeWhileReading(on group: LoopGroup) async throws {
        let (reader, writer) = try Connection.pair(group: group)
        let reading = Task { try await reader.read() }
        let closing = Task { reader.close() }
        // This pair reuses the descriptor number as soon as it is free, and has bytes to read.
        let (next, peer) = try Connection.pair(group: group)
        try await peer.write("not for you")
        let result = await reading.result
        await closing.value
        switch result {
        case .success(let bytes):
            Issue.record("read \(bytes.count) bytes of a closed connection")
        case .failure(let error):
            #expect((error as? SocketError)?.cause == .closed)
        }
        let bytes = try await next.read()
        #expect(bytes == Array("not for you".utf8))
        writer.close()
    }
}
