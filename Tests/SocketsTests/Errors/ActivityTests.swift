import Testing

@testable import Sockets

@Suite("Activity")
struct ActivityTests {
    @Test("unmeasured times are nil, and byte counts are 0 by default")
    func defaults() {
        let activity = Activity(.writing)
        #expect(activity.elapsed == nil)
        #expect(activity.timeSinceProgress == nil)
        #expect(activity.sent == 0)
        #expect(activity.received == 0)
    }

    @Test("Activity.nothing has the kind nothing")
    func outside() {
        #expect(Activity.nothing.kind == .nothing)
    }
}
