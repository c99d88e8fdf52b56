import ArgumentParser
import Testing

@testable import sock

@Suite(.ownThread)
struct VerbTests {
    @Test(
        "what a verb's flags are said to be is what its parser takes",
        arguments: Verb.allCases.filter { $0 != .help })
    func flagsAgree(verb: Verb) {
        let help = HelpText.of(verb)
        for flag in CommandFlag.all where !["help", "version", "listen"].contains(flag.long) {
            let isShown = help.contains("--\(flag.long) ") || help.contains("--\(flag.long)\n")
            #expect(isShown == verb.flags.contains(flag.long), "\(verb) \(flag.long)")
        }
    }

    @Test("a promised verb is none that is there")
    func promised() {
        #expect(Verb.promised.isDisjoint(with: Verb.allCases.map(\.rawValue)))
    }

    @Test("a flag belongs to the first verb that has it")
    func owner() {
        #expect(Verb.owner(of: "keep-open") == .listen)
        #expect(Verb.owner(of: "nonsense") == nil)
    }
}
