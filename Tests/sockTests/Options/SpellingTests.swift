import Testing

@testable import sock

@Suite(.ownThread)
struct SpellingTests {
    private func nearest(_ word: String) -> Subcommand? { Subcommand.similar(to: word) }

    @Test("the beginning or a misspelling of a name finds the name")
    func found() {
        #expect(nearest("lisen") == .listen)
        #expect(nearest("docter") == .doctor)
        #expect(nearest("resolv") == .resolve)
        #expect(nearest("res") == .resolve)
    }

    @Test("a word that is like no name finds nothing")
    func nothing() {
        #expect(nearest("localhost") == nil)
        #expect(nearest("x") == nil)
        #expect(nearest("db") == nil)
    }
}
