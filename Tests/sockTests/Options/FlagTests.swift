import Testing

@testable import sock

@Suite(.ownThread)
struct FlagTests {
    @Test("all flags have distinct letters")
    func unique() {
        let letters = Flag.allCases.compactMap(\.row.letter)
        #expect(Set(letters).count == letters.count)
    }

    @Test("each documented letter is a flag", arguments: Array("46lkuUnpsvwzNqh"))
    func documentedLetters(letter: Character) {
        #expect(Flag(letter: letter) != nil)
    }

    @Test("the name of a flag is its letter if available, and otherwise its long name")
    func names() {
        #expect(Flag(rawValue: "timeout")?.name == "-w")
        #expect(Flag(rawValue: "threads")?.name == "--threads")
        #expect(Flag(rawValue: "nonsense") == nil)
    }

    @Test("every flag except help and version belongs to a subcommand", arguments: Flag.allCases)
    func subcommands(flag: Flag) {
        #expect(flag.row.subcommands.isEmpty == [.help, .version].contains(flag))
    }

    @Test("otherHelp lists only subcommands that accept the flag", arguments: Flag.allCases)
    func otherHelp(flag: Flag) {
        #expect(flag.row.otherHelp.keys.allSatisfy(flag.row.subcommands.contains))
    }
}
