import Testing

@testable import sock

@Suite(.ownThread)
struct AudienceTests {
    private let full = Audience.largestBacklog

    /// Whether a member is said to be in the way, asked at these seconds.
    private func ask(
        _ audience: inout Audience, _ member: Audience.Member, _ seconds: Int...
    ) -> [Bool] {
        seconds.map { audience.isInTheWay(member, at: .seconds($0)) }
    }

    @Test("without anybody there is nobody to give anything to")
    func empty() {
        var audience = Audience()
        #expect(audience.isEmpty && !audience.isReady)
        let member = audience.join()
        #expect(!audience.isEmpty && audience.isReady)
        audience.leave(member)
        #expect(audience.isEmpty && !audience.isReady)
    }

    @Test("everybody is given the same, and takes it at his own pace")
    func backlogs() {
        var audience = Audience()
        let (one, two) = (audience.join(), audience.join())
        audience.give(100)
        audience.take(30, by: one)
        audience.take(100, by: two)
        #expect(audience.backlog(of: one) == 70)
        #expect(audience.backlog(of: two) == 0)
        let late = audience.join()
        #expect(audience.backlog(of: late) == 0)
    }

    @Test("one who is too far behind makes the input wait, until he has taken something or left")
    func tooFarBehind() {
        var audience = Audience()
        let (slow, quick) = (audience.join(), audience.join())
        audience.give(full)
        audience.take(full, by: quick)
        #expect(!audience.isReady)
        audience.take(1, by: slow)
        #expect(audience.isReady)
        audience.give(1)
        #expect(!audience.isReady)
        audience.leave(slow)
        #expect(audience.isReady)
    }

    @Test("who lets others wait for 10 s is in the way")
    func inTheWay() {
        var audience = Audience()
        let (slow, quick) = (audience.join(), audience.join())
        audience.give(full)
        audience.take(full, by: quick)
        audience.awaitRoom()
        let (first, second) = (ask(&audience, slow, 50, 59, 60), ask(&audience, quick, 50, 60))
        #expect(first == [false, false, true])
        #expect(second == [false, false])
    }

    @Test("where nobody waits for more, one may be as slow as he likes")
    func alone() {
        var audience = Audience()
        let (slow, other) = (audience.join(), audience.join())
        audience.give(full)
        audience.take(full, by: other)
        // There is no more input.
        let withoutInput = ask(&audience, slow, 0, 100)
        #expect(withoutInput == [false, false])
        audience.awaitRoom()
        audience.leave(other)
        // There is nobody else.
        let alone = ask(&audience, slow, 200, 300)
        #expect(alone == [false, false])
        // For somebody who has only just come he is not in the way yet.
        _ = audience.join()
        let inCompany = ask(&audience, slow, 400, 410)
        #expect(inCompany == [false, true])
    }

    @Test("a little progress is enough: the time begins again with each piece that is given")
    func progress() {
        var audience = Audience()
        let (slow, quick) = (audience.join(), audience.join())
        audience.give(full)
        audience.take(full, by: quick)
        audience.awaitRoom()
        let before = ask(&audience, slow, 1)
        audience.take(10, by: slow)
        audience.give(10)
        audience.take(10, by: quick)
        audience.awaitRoom()
        let after = ask(&audience, slow, 12, 21, 22)
        #expect(before + after == [false, false, false, true])
    }
}
