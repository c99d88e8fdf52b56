import Testing

@testable import Sockets

@Suite("ReadinessWord", .ownThread)
struct ReadinessWordTests {
    private final class Box: Sendable {
        let word = ReadinessWord()
        var isReady: Bool { word.isReady }
    }

    @Test("a new readiness word is ready")
    func beginsReady() {
        let box = Box()
        #expect(box.isReady)
    }

    @Test("wake makes a cleared word ready")
    func clearAndWake() {
        let box = Box()
        box.word.clear()
        #expect(!box.isReady)
        box.word.wake()
        #expect(box.isReady)
    }

    @Test("setReady makes a cleared word ready")
    func setReady() {
        let box = Box()
        box.word.clear()
        box.word.setReady()
        #expect(box.isReady)
    }

    @Test("park returns at once if wake was called before")
    func wakeBeforePark() async {
        let box = Box()
        box.word.clear()
        box.word.wake()
        await box.word.park()
        #expect(box.isReady)
    }

    @Test("wake ends a park and leaves the word ready")
    func parkThenWake() async {
        let box = Box()
        box.word.clear()
        let waiting = Task { await box.word.park() }
        box.word.wake()
        await waiting.value
        #expect(box.isReady)
    }

    @Test("in 10,000 races of wake and park, each park is resumed exactly once")
    func race() async {
        let (one, other) = (Box(), Box())
        one.word.clear()
        other.word.clear()
        // A continuation that is resumed twice traps, and one that is never resumed hangs the test.
        async let ping: Int = turns(own: one, partner: other, begins: true)
        async let pong: Int = turns(own: other, partner: one, begins: false)
        let (pings, pongs) = await (ping, pong)
        #expect(pings == 10_000)
        #expect(pongs == 10_000)
    }

    private func turns(own: Box, partner: Box, begins: Bool) async -> Int {
        var count = 0
        for turn in 0..<10_000 {
            if !(begins && turn == 0) {
                await own.word.park()
                own.word.clear()
            }
            count += 1
            partner.word.wake()
        }
        return count
    }
}
