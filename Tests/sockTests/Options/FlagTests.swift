import Testing

@testable import sock

@Suite(.ownThread)
struct FlagTests {
    @Test("no two flags share a letter")
    func unique() {
        let letters = Flag.allCases.compactMap(\.row.letter)
        #expect(Set(letters).count == letters.count)
    }

    @Test("each letter that the design promises is a flag", arguments: Array("46lkuUnpsvwzNqh"))
    func promised(letter: Character) {
        #expect(Flag(letter: letter) != nil)
    }

    @Test("an error names a flag by its letter, or by its long name if it has none")
    func names() {
        #expect(Flag(rawValue: "timeout")?.name == "-w")
        #expect(Flag(rawValue: "threads")?.name == "--threads")
        #expect(Flag(rawValue: "nonsense") == nil)
    }

    @Test("every flag but help and version belongs to a subcommand", arguments: Flag.allCases)
    func subcommands(flag: Flag) {
        #expect(flag.row.subcommands.isEmpty == [.help, .version].contains(flag))
    }

    @Test("other help is only for subcommands that accept the flag", arguments: Flag.allCases)
    func otherHelp(flag: Flag) {
        #expect(flag.row.otherHelp.keys.allSatisfy(flag.row.subcommands.contains))
    }
}
