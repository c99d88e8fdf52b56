import Testing

@testable import sock

@Suite(.ownThread)
struct RelayPlanTests {
    @Test("by default a relay waits for ever, for the peer's end")
    func defaults() {
        let plan = RelayPlan()
        #expect(plan.silence == nil)
        #expect(plan.quitAfter == nil)
        #expect(!plan.isSendOnly)
    }

    @Test("an answer by UDP is awaited for a second")
    func answerTime() {
        #expect(RelayPlan.answerTime == .seconds(1))
    }
}
