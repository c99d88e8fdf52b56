import Testing

@testable import Sockets

@Suite("LineScanner", .ownThread)
struct LineScannerTests {
    private typealias Finding = LineScanner.Match

    private func scan(_ text: String, with scanner: inout LineScanner) -> Finding {
        Array(text.utf8).withUnsafeBytes { scanner.scan($0) }
    }

    private func skip(_ text: String, with scanner: inout LineScanner) -> Int {
        Array(text.utf8).withUnsafeBytes { scanner.skip($0) }
    }

    /// Scans the text in pieces of `size` bytes, and returns the lines, the number of lines that
    /// were too long, and the rest.
    private func findings(
        in text: String, pieces size: Int, limit: Int
    ) -> (lines: [String], tooLong: Int, rest: String) {
        var scanner = LineScanner(limit: limit)
        var input = Array(text.utf8)[...]
        var buffer: [UInt8] = []
        var lines: [String] = []
        var tooLong = 0
        while true {
            let skipped = buffer.withUnsafeBytes { scanner.skip($0) }
            buffer.removeFirst(skipped)
            switch buffer.withUnsafeBytes({ scanner.scan($0) }) {
            case .line(let length, let consumed):
                lines.append(String(decoding: buffer[..<length], as: UTF8.self))
                buffer.removeFirst(consumed)
                scanner.restart()
            case .tooLong(let consumed, let isOpen):
                tooLong += 1
                buffer.removeFirst(consumed)
                if isOpen { scanner.skipLine() } else { scanner.restart() }
            case .needsMore:
                if input.isEmpty {
                    return (lines, tooLong, String(decoding: buffer, as: UTF8.self))
                }
                buffer += input.prefix(size)
                input = input.dropFirst(size)
            }
        }
    }

    @Test(
        "a line ends only with LF or CRLF",
        arguments: [
            ("a\n", .line(length: 1, consumed: 2)), ("a\r\n", .line(length: 1, consumed: 3)),
            ("\n", .line(length: 0, consumed: 1)), ("\r\n", .line(length: 0, consumed: 2)),
            ("a\r\r\n", .line(length: 2, consumed: 4)), ("a\rb\n", .line(length: 3, consumed: 4)),
            ("a\nb\n", .line(length: 1, consumed: 2)), ("\n\r\n", .line(length: 0, consumed: 1)),
            ("a\0b\n", .line(length: 3, consumed: 4)), ("", .needsMore), ("a", .needsMore),
            ("a\r", .needsMore),
        ] as [(String, LineScanner.Match)])
    func ends(text: String, expected: LineScanner.Match) {
        var scanner = LineScanner(limit: 100)
        #expect(scan(text, with: &scanner) == expected)
    }

    @Test("a CRLF that arrives in two pieces ends one line")
    func splitEnd() {
        var scanner = LineScanner(limit: 100)
        #expect(scan("ab\r", with: &scanner) == .needsMore)
        #expect(scan("ab\r\n", with: &scanner) == .line(length: 2, consumed: 4))
    }

    @Test("scan does not examine earlier bytes again until restart is called")
    func remembersHowFar() {
        var scanner = LineScanner(limit: 100)
        #expect(scan("aaaa", with: &scanner) == .needsMore)
        // The scanner skips the first four bytes, because the earlier scan found no line end there.
        #expect(scan("a\naab\n", with: &scanner) == .line(length: 5, consumed: 6))
        scanner.restart()
        #expect(scan("a\naab\n", with: &scanner) == .line(length: 1, consumed: 2))
    }

    @Test("a line of the maximum length is accepted with LF and with CRLF")
    func atTheLimit() {
        for text in ["abc\n", "abc\r\n"] {
            var scanner = LineScanner(limit: 3)
            #expect(scan(text, with: &scanner) == .line(length: 3, consumed: text.utf8.count))
        }
        var scanner = LineScanner(limit: 3)
        #expect(scan("abc", with: &scanner) == .needsMore)
        // The fourth byte may be the CR of a CRLF.
        #expect(scan("abc\r", with: &scanner) == .needsMore)
        #expect(scan("abc\r\n", with: &scanner) == .line(length: 3, consumed: 5))
    }

    @Test("a line beyond the limit is reported as too long as soon as the length is certain")
    func overTheLimit() {
        var whole = LineScanner(limit: 3)
        #expect(scan("abcd\nx", with: &whole) == .tooLong(consumed: 5, isOpen: false))
        var open = LineScanner(limit: 3)
        #expect(scan("abcd", with: &open) == .needsMore)
        #expect(scan("abcde", with: &open) == .tooLong(consumed: 5, isOpen: true))
        var late = LineScanner(limit: 3)
        #expect(scan("abc\r", with: &late) == .needsMore)
        #expect(scan("abc\rd\n", with: &late) == .tooLong(consumed: 6, isOpen: false))
    }

    @Test("skip discards the rest of a line that was too long")
    func skipping() {
        var scanner = LineScanner(limit: 3)
        #expect(skip("not skipping\n", with: &scanner) == 0)
        #expect(scan("abcdef", with: &scanner) == .tooLong(consumed: 6, isOpen: true))
        scanner.skipLine()
        #expect(skip("", with: &scanner) == 0)
        #expect(skip("ghi", with: &scanner) == 3)
        #expect(skip("jkl\nnext\n", with: &scanner) == 4)
        #expect(skip("next\n", with: &scanner) == 0)
    }

    @Test("stopSkipping keeps the rest of a line that was too long")
    func stopSkipping() {
        var scanner = LineScanner(limit: 3)
        _ = scan("abcdef", with: &scanner)
        scanner.skipLine()
        scanner.stopSkipping()
        #expect(skip("ghi\n", with: &scanner) == 0)
        #expect(scan("ghi\n", with: &scanner) == .line(length: 3, consumed: 4))
    }

    @Test(
        "a requested limit is clamped to the range from 0 to Int.max - 1",
        arguments: [(Int.min, 0), (-1, 0), (0, 0), (.max, .max - 1)])
    func limits(requested: Int, expected: Int) {
        var scanner = LineScanner(limit: requested)
        #expect(scanner.limit == expected)
        #expect(scan("\r\n", with: &scanner) == .line(length: 0, consumed: 2))
        scanner.restart()
        #expect(
            scan("aa", with: &scanner)
                == (expected == 0 ? .tooLong(consumed: 2, isOpen: true) : .needsMore)
        )
    }

    @Test("input in pieces of any size gives the same lines", arguments: 1...9)
    func pieces(size: Int) {
        let text = "one\r\n\ntoo long for this\nthree\r\n\r\nfour\n1234567\r\n12345678\r\nlast"
        let found = findings(in: text, pieces: size, limit: 7)
        #expect(found.lines == ["one", "", "three", "", "four", "1234567"])
        #expect(found.tooLong == 2)
        #expect(found.rest == "last")
    }

    @Test("random text in random pieces gives the same lines as splitting at line feeds")
    func randomText() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<2000 {
            let count = Int.random(in: 0...60, using: &generator)
            let text = String(
                decoding: (0..<count).map { _ in "ab\r\n\n".utf8.randomElement(using: &generator)!
                },
                as: UTF8.self)
            let size = Int.random(in: 1...12, using: &generator)
            let found = findings(in: text, pieces: size, limit: 1000)
            var expected = text.utf8.split(separator: 10, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            let rest = expected.removeLast()
            expected = expected.map { $0.utf8.last == 13 ? String($0.utf8.dropLast())! : $0 }
            guard found.lines == expected, found.rest == rest else {
                Issue.record("\(text.debugDescription) in pieces of \(size): \(found)")
                return
            }
        }
    }
}
