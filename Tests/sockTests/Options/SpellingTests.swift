import Testing

@testable import sock

@Suite(.ownThread)
struct SpellingTests {
    private func nearest(_ word: String) -> Subcommand? { Subcommand.similar(to: word) }

    @Test("nearest finds a name by its beginning and despite a misspelling")
    func found() {
        #expect(nearest("lisen") == .listen)
        #expect(nearest("docter") == .doctor)
        #expect(nearest("resolv") == .resolve)
        #expect(nearest("res") == .resolve)
    }

    @Test("nearest returns nil for a word that resembles no name")
    func nothing() {
        #expect(nearest("localhost") == nil)
        #expect(nearest("x") == nil)
        #expect(nearest("db") == nil)
    }
}
