import Synchronization
import SystemPackage
import Testing

@testable import Sockets

@Suite("EventSource", .ownThread)
struct EventSourceTests {
    @Test("one task at a time for each direction")
    func busy() throws {
        let (one, _) = try Connection.pair()
        let source = one.source
        try source.begin(.reading)
        #expect { try source.begin(.reading) } throws: { ($0 as? EndOfWait)?.cause == .busy }
        try source.begin(.writing)
        source.end(.writing)
        source.end(.reading)
        try source.begin(.reading)
        source.end(.reading)
    }

    @Test("a closed source lets nobody in, and its descriptor is released")
    func closed() throws {
        let (one, _) = try Connection.pair()
        one.source.close()
        one.source.close()
        #expect { try one.source.begin(.reading) } throws: { ($0 as? EndOfWait)?.cause == .closed }
        let (next, _) = try Connection.pair()
        #expect(!next.isClosed)
    }

    @Test("a deadline that has moved later ends the wait at the later time, not before")
    func laterDeadline() async throws {
        let (one, other) = try Connection.pair()
        defer { other.close() }
        // Each leaves a timer behind, which is earlier or later than the next deadline.
        for milliseconds in [40, 5, 60, 1] {
            let start = ContinuousClock.now
            let error = await #expect(throws: SocketError.self) {
                try await one.read(timeout: .milliseconds(milliseconds))
            }
            #expect(error?.isTimeout == true)
            #expect(start.duration(to: .now) >= .milliseconds(milliseconds))
        }
    }

    @Test("a timer that fires early is put back for the deadline, and not at all without one")
    func timers() throws {
        // Without the peer there would be the event of its end.
        let (one, peer) = try Connection.pair()
        defer { peer.close() }
        one.source.lane(.reading) { $0.deadline.store(50, ordering: .relaxed) }
        one.source.reading.word.clear()
        #expect(one.source.timerFired(.reading, 20) == 50)
        var isReady = one.source.reading.word.isReady
        #expect(!isReady)
        #expect(one.source.timerFired(.reading, 50) == nil)
        isReady = one.source.reading.word.isReady
        #expect(isReady)
        one.source.lane(.reading) { $0.deadline.store(.max, ordering: .relaxed) }
        #expect(one.source.timerFired(.reading, 60) == nil)
    }

    @Test("a source that was closed goes at once, whatever its deadlines, without an event")
    func memory() async throws {
        let group = try LoopGroup(loops: 1)
        defer { group.shutdown() }
        weak var source: EventSource?
        do {
            // Of a datagram socket that is closed nobody else learns, which would be an event too.
            let channel = try await DatagramChannel(on: .udp("127.0.0.1", port: 0), group: group)
            source = channel.source
            let waits = {
                channel.source.lane(.reading) { $0.deadline.load(ordering: .relaxed) != .max }
            }
            // The second is sooner, and takes the place of the first.
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

    @Test("the peer learns of a close though an operation has not left yet")
    func closeInside() async throws {
        let (one, other) = try Connection.pair()
        try one.source.begin(.reading)
        one.close()
        #expect(try await other.read(atMost: 1, timeout: .seconds(10)).isEmpty)
        one.source.end(.reading)
    }

    @Test("inside a scope a cancellation ends the wait, and sticks to nothing afterwards")
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

    @Test("a scope that closes does so when its task is cancelled, and the wait was cancelled")
    func closingScope() async throws {
        let (one, other) = try Connection.pair()
        let task = Task {
            await one.source.withCancellationScope(closing: true) {
                await #expect(throws: SocketError.self) { try await one.read() }
            }
        }
        task.cancel()
        let error = await task.value
        // Depending on whether the read had begun before.
        #expect(error?.cause == .cancelled || error?.cause == .closed)
        #expect(one.isClosed)
        #expect(try await other.read().isEmpty)
    }

    @Test("10,000 closes that race reads: the reader gets closed, and no other connection's bytes")
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
        // These get the descriptor's number as soon as it is free, and have something to read.
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
