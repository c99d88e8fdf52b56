import Testing

@testable import sock

@Suite(.ownThread)
struct CommandFlagTests {
    @Test("no letter and no name stands for two flags")
    func unique() {
        let letters = CommandFlag.all.compactMap(\.short)
        #expect(Set(letters).count == letters.count)
        #expect(Set(CommandFlag.all.map(\.long)).count == CommandFlag.all.count)
    }

    @Test("each letter that the design promises is there", arguments: Array("46lkuUnpsvwzNqh"))
    func promised(letter: Character) {
        #expect(CommandFlag.with(short: letter) != nil)
    }

    @Test("a flag is named by its letter, or by its name where it has none")
    func names() {
        #expect(CommandFlag.with(long: "timeout")?.name == "-w")
        #expect(CommandFlag.with(long: "threads")?.name == "--threads")
        #expect(CommandFlag.with(long: "nonsense") == nil)
    }

    @Test(
        "a letter on which the netcats disagree gets an answer of two lines",
        arguments: Array("xiodcmbT"))
    func disputed(letter: Character) throws {
        let answer = try #require(DisputedLetter.answer(to: letter))
        #expect(answer.message.hasPrefix("-\(letter) is not used: "))
        #expect(answer.advice?.isEmpty == false)
        let lines = Report.text(of: Failure(answer)).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(CommandFlag.with(short: letter) == nil)
    }

    @Test("every long form that such an answer names exists")
    func namesThatExist() {
        for (_, instead) in DisputedLetter.table.values {
            for word in instead.split(whereSeparator: { " ,.()".contains($0) })
            where word.hasPrefix("--") {
                #expect(CommandFlag.with(long: String(word.dropFirst(2))) != nil, "\(word)")
            }
        }
    }

    @Test("other letters get none")
    func undisputed() {
        #expect(DisputedLetter.answer(to: "v") == nil)
    }
}
