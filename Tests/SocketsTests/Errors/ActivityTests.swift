import Testing

@testable import Sockets

@Suite("Activity of an operation")
struct ActivityTests {
    @Test("values that were not measured are nil or zero")
    func defaults() {
        let activity = Activity(.writing)
        #expect(activity.elapsed == nil)
        #expect(activity.timeSinceProgress == nil)
        #expect(activity.sent == 0)
        #expect(activity.received == 0)
    }

    @Test("a diagnosis without an operation has no activity")
    func outside() {
        #expect(Activity.nothing.kind == .nothing)
    }
}
