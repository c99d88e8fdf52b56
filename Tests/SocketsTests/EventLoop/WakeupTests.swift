import Testing

@testable import Sockets

@Suite("Wakeup", .ownThread)
struct WakeupTests {
    private let loop = LoopGroup.shared.loops[0]

    @Test("wake ends a wait, even if called before the wait begins")
    func wake() async {
        let wakeup = Wakeup()
        wakeup.reset()
        wakeup.wake()
        await wakeup.wait(on: loop)
        wakeup.reset()
        let waiting = Task { [loop] in await wakeup.wait(on: loop) }
        wakeup.wake()
        await waiting.value
        #expect(!waiting.isCancelled)
    }

    @Test("wait(until:) without a wake ends no earlier than the given instant")
    func time() async {
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<100 {
                group.addTask(executorPreference: number % 2 == 0 ? loop : nil) { [loop] in
                    let wakeup = Wakeup()
                    let instant =
                        System.continuousNanoseconds() + Int64(number) * 317_000
                    wakeup.reset()
                    await wakeup.wait(until: instant, on: loop)
                    #expect(System.continuousNanoseconds() >= instant)
                }
            }
        }
    }

    @Test("a cancellation ends a wait")
    func cancellation() async {
        let wakeup = Wakeup()
        wakeup.reset()
        let waiting = Task { [loop] in await wakeup.wait(on: loop) }
        waiting.cancel()
        await waiting.value
        #expect(waiting.isCancelled)
    }
}
