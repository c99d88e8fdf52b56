import Testing

@testable import sock

@Suite(.ownThread)
struct TextLayoutTests {
    @Test("wrapped fills each line up to the width")
    func wraps() {
        #expect(TextLayout.wrapped("one two three", width: 7) == ["one two", "three"])
        #expect(TextLayout.wrapped("one two three", width: 13) == ["one two three"])
        #expect(TextLayout.wrapped("  one \n two  ", width: 80) == ["one two"])
    }

    @Test("a word longer than the width gets its own line, and empty text gives no lines")
    func edges() {
        #expect(
            TextLayout.wrapped("a incomprehensible b", width: 5) == ["a", "incomprehensible", "b"])
        #expect(TextLayout.wrapped("", width: 5).isEmpty)
    }

    @Test("the first line has the indent, and other lines have the hanging indent")
    func indents() {
        #expect(
            TextLayout.wrapped("one two", width: 6, indent: "- ", hangingIndent: "  ")
                == ["- one", "  two"])
        #expect(TextLayout.wrapped("one two", width: 6, indent: "  ") == ["  one", "  two"])
    }

    @Test("columns are aligned, and the second column is wrapped")
    func columns() {
        #expect(
            TextLayout.columns([("a", "one two"), ("bcd", "three")], width: 12)
                == ["  a    one", "       two", "  bcd  three"])
        #expect(TextLayout.columns([], width: 12).isEmpty)
    }
}
