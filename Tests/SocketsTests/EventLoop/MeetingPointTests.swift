import Testing

@testable import Sockets

@Suite("MeetingPoint", .ownThread)
struct MeetingPointTests {
    private let meetingPoint: MeetingPoint

    init() throws {
        meetingPoint = try MeetingPoint(on: LoopGroup.shared.next())
        meetingPoint.prepare()
    }

    @Test("an arrival after the preparation is not missed")
    func arrival() async throws {
        meetingPoint.arrive()
        #expect(await meetingPoint.wait(atMost: nil))
    }

    @Test("an arrival from a thread ends the wait")
    func thread() async throws {
        let waiting = Task { await meetingPoint.wait(atMost: nil) }
        let background = Background { meetingPoint.arrive() }
        #expect(await waiting.value)
        try background.value()
    }

    @Test("a descriptor that becomes writable ends the wait, each time")
    func descriptors() async throws {
        for _ in 0..<3 {
            let (here, there) = try Socket.pair()
            _ = try Loopback.fill(here)
            try meetingPoint.expect(here.descriptor)
            meetingPoint.prepare()
            let waiting = Task { await meetingPoint.wait(atMost: .seconds(10)) }
            let start = ContinuousClock.now
            let reading = Background {
                while try !there.receive(timeout: .milliseconds(0)).isEmpty {}
            }
            #expect(await waiting.value)
            #expect(start.duration(to: .now) < .seconds(5))
            #expect(throws: SocketError.self) { try reading.value() }
        }
    }

    @Test("the wait ends after its time")
    func time() async throws {
        let start = ContinuousClock.now
        #expect(await meetingPoint.wait(atMost: .milliseconds(30)))
        #expect(start.duration(to: .now) >= .milliseconds(30))
    }

    @Test("a cancelled task does not wait")
    func cancelled() async throws {
        let waiting = Task { await meetingPoint.wait(atMost: nil) }
        waiting.cancel()
        #expect(await !waiting.value)
    }
}
