import Testing

@testable import Sockets

@Suite("What an operation was trying to do")
struct ActivityTests {
    @Test("what nobody has measured is absent")
    func defaults() {
        let activity = Activity(.writing)
        #expect(activity.elapsed == nil)
        #expect(activity.timeSinceProgress == nil)
        #expect(activity.sent == 0)
        #expect(activity.received == 0)
    }

    @Test("somebody who looks from outside tries nothing")
    func outside() {
        #expect(Activity.nothing.kind == .nothing)
    }
}
