import Testing

@testable import Sockets

@Suite("TerminalText")
struct TerminalTextTests {
    @Test(
        "escaping leaves plain text unchanged",
        arguments: ["", "localhost:80", "a\\b", "größe 日本 🙂"])
    func plainTextStaysAsItIs(text: String) {
        #expect(TerminalText.escaped(text) == text)
    }

    @Test(
        "control and invisible characters are escaped byte by byte",
        arguments: [
            ("\u{1b}[31m", "\\x1b[31m"), ("a\nb\r\t", "a\\x0ab\\x0d\\x09"), ("\0", "\\x00"),
            ("\u{7f}", "\\x7f"), ("\u{9b}31m", "\\xc2\\x9b31m"), ("\u{202e}x", "\\xe2\\x80\\xaex"),
            ("\u{2028}", "\\xe2\\x80\\xa8"), ("\u{feff}", "\\xef\\xbb\\xbf"),
        ])
    func controlCharactersAreWrittenAsBytes(text: String, escaped: String) {
        #expect(TerminalText.escaped(text) == escaped)
    }

    @Test("each byte that is not valid UTF-8 is escaped")
    func invalidUTF8IsEscaped() {
        #expect(
            TerminalText.escaped([0x61, 0xFF, 0xC3, 0x62, 0xE2, 0x82]) == "a\\xff\\xc3b\\xe2\\x82")
    }

    @Test("a backslash that would begin an escape is escaped")
    func aBackslashThatWouldReadAsAnEscapeIsEscaped() {
        #expect(TerminalText.escaped("\\x41") == "\\x5cx41")
        #expect(TerminalText.escaped("\\x4") == "\\x4")
    }

    @Test("unescaping restores the original bytes exactly")
    func unescapingBringsBackTheSameBytes() {
        var generator = SeededGenerator(seed: 7)
        var wrong: [[UInt8]] = []
        let alphabet = Array("\\x4fé🙂\0\n".utf8) + [0xFF, 0x80]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            let escaped = TerminalText.escaped(bytes)
            if TerminalText.bytes(unescaping: escaped.utf8) != bytes
                || !escaped.unicodeScalars.allSatisfy(TerminalText.isSafe)
            {
                wrong.append(bytes)
            }
        }
        #expect(wrong == [])
    }

    @Test(
        "unescaping leaves an incomplete escape unchanged",
        arguments: ["\\", "\\x", "\\x4", "\\xg1", "\\n"])
    func incompleteEscapeIsUnchanged(text: String) {
        #expect(TerminalText.bytes(unescaping: text.utf8) == Array(text.utf8))
    }

    @Test("quoted returns escaped text in quotation marks")
    func quotedTextIsEscaped() {
        #expect(TerminalText.quoted("80x") == "'80x'")
        #expect(TerminalText.quoted("") == "''")
        #expect(TerminalText.quoted("a\u{1b}") == "'a\\x1b'")
    }

    @Test("quoted cuts long text between characters and appends the length in bytes")
    func veryLongTextIsTruncated() {
        let text = String(repeating: "é", count: 50_000)
        #expect(TerminalText.quoted(text, limit: 5) == "'éé…' (100000 bytes)")
        #expect(TerminalText.quoted(text, limit: 4) == "'éé…' (100000 bytes)")
        #expect(TerminalText.quoted(text, limit: 3) == "'é…' (100000 bytes)")
        #expect(TerminalText.quoted("éé", limit: 4) == "'éé'")
    }
}
