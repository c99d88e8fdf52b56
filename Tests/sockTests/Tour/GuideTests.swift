import Testing

@testable import sock

@Suite(.ownThread)
struct GuideTests {
    @Test("lines are as full as they can be, and no fuller")
    func wraps() {
        #expect(Guide.wrapped("one two three", width: 7) == ["one two", "three"])
        #expect(Guide.wrapped("one two three", width: 13) == ["one two three"])
        #expect(Guide.wrapped("  one \n two  ", width: 80) == ["one two"])
    }

    @Test("a word that is too long has a line of its own, and no words are no lines")
    func edges() {
        #expect(Guide.wrapped("a incomprehensible b", width: 5) == ["a", "incomprehensible", "b"])
        #expect(Guide.wrapped("", width: 5).isEmpty)
    }
}
