import ArgumentParser
import Testing

@testable import sock

@Suite(.ownThread)
struct SockTests {
    @Test("the parser has every verb under its name, and no other")
    func verbs() {
        let names = Sock.configuration.subcommands.map { $0._commandName }
        #expect(names == Verb.allCases.map(\.rawValue).filter { $0 != "help" })
    }
}
