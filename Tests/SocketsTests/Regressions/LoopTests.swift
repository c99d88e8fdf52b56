import Glibc
import Testing

@testable import Sockets

@Suite("Regressions of event loops found by races and simulations", .ownThread)
struct LoopTests {
    /// Waits until the loop has reported all earlier events.
    private func turn(of loop: EventLoop) async {
        for _ in 0..<2 {
            await withCheckedContinuation { continuation in
                loop.perform { _ in continuation.resume() }
            }
        }
    }

    @Test("a short read before urgent data does not hide the bytes after the urgent data")
    func urgentData() async throws {
        let (client, server) = try Loopback.tcpPair()
        let connection = try Connection(adopting: server)
        try client.send("x")
        #expect(try await connection.read() == [0x78])
        try client.send("abc")
        #expect(Glibc.send(client.descriptor, "!", 1, Int32(MSG_OOB)) == 1)
        try client.send("def")
        await turn(of: connection.source.loop)
        var received: [UInt8] = []
        while received.count < 6 {
            let count = try await connection.read(
                appendingTo: &received, timeout: .seconds(10))
            #expect(count > 0)
        }
        #expect(String(decoding: received, as: UTF8.self) == "abcdef")
    }

    @Test("isCurrent of an ended loop is false on a new thread that reuses the thread identifier")
    func identityOfAnEndedLoop() async throws {
        for _ in 0..<20 {
            let ended = try EventLoop()
            ended.stop()
            #expect(await eventually { ended.hasStopped })
            let next = try EventLoop()
            let isTakenForIt = await withCheckedContinuation { continuation in
                next.perform { _ in
                    // A loop reports its end shortly before its thread ends.
                    for _ in 0..<1000 where ended.isCurrent { sched_yield() }
                    continuation.resume(returning: ended.isCurrent)
                }
            }
            next.stop()
            #expect(!isTakenForIt)
        }
    }

    @Test("an ended loop releases sources that are closed later and jobs that did not run")
    func closedAfterTheEnd() async throws {
        weak var loop: EventLoop?
        weak var source: EventSource?
        do {
            let group = try LoopGroup(loops: 1)
            let (one, other) = try Connection.pair(group: group)
            loop = group.loops[0]
            source = one.source
            group.shutdown()
            #expect(await eventually { group.loops[0].hasStopped })
            group.loops[0].perform { _ in _ = other }
            one.close()
            other.close()
        }
        #expect(await eventually { source == nil && loop == nil })
    }
}
