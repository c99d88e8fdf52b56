import Testing

@testable import Sockets

@Suite("Wakeup", .ownThread)
struct AlarmTests {
    private let loop = LoopGroup.shared.loops[0]

    @Test("a ring ends the wait, also one that came before")
    func ring() async {
        let alarm = Wakeup()
        alarm.reset()
        alarm.ring()
        await alarm.wait(on: loop)
        alarm.reset()
        let waiting = Task { [loop] in await alarm.wait(on: loop) }
        alarm.ring()
        await waiting.value
        #expect(!waiting.isCancelled)
    }

    @Test("a wait that nobody rings ends when its time has come, and never before")
    func time() async {
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<100 {
                group.addTask(executorPreference: number % 2 == 0 ? loop : nil) { [loop] in
                    let alarm = Wakeup()
                    let instant =
                        System.continuousNanoseconds() + Int64(number) * 317_000
                    alarm.reset()
                    await alarm.wait(until: instant, on: loop)
                    #expect(System.continuousNanoseconds() >= instant)
                }
            }
        }
    }

    @Test("a cancelled task waits no longer")
    func cancellation() async {
        let alarm = Wakeup()
        alarm.reset()
        let waiting = Task { [loop] in await alarm.wait(on: loop) }
        waiting.cancel()
        await waiting.value
        #expect(waiting.isCancelled)
    }
}
