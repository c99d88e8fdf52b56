import Testing

@testable import Sockets

@Suite("ByteBuffer: parsing", .ownThread)
struct ByteBufferParsingTests {
    private func buffer(_ text: String) -> ByteBuffer {
        var buffer = ByteBuffer(capacity: 64)
        Array(text.utf8).withUnsafeBytes { buffer.append($0) }
        return buffer
    }

    private func text(_ result: ParseResult<UnsafeRawBufferPointer>) -> String? {
        if case .message(let bytes) = result { String(decoding: bytes, as: UTF8.self) } else { nil }
    }

    @Test("take returns up to the requested number of buffered bytes")
    func count() {
        var buffer = buffer("abc")
        #expect(buffer.take(2) == Array("ab".utf8))
        #expect(buffer.take(2) == Array("c".utf8))
        #expect(buffer.take(2).isEmpty)
    }

    @Test("takeLine returns a complete line, and takeLastLine returns the rest")
    func lines() {
        var buffer = buffer("one\r\ntwo")
        var scanner = LineScanner(limit: 10)
        #expect(text(buffer.takeLine(&scanner)) == "one")
        #expect(text(buffer.takeLine(&scanner)) == nil)
        #expect(text(buffer.takeLastLine(&scanner)) == "two")
        #expect(text(buffer.takeLastLine(&scanner)) == nil)
    }

    @Test("takeLine fails with `lineTooLong`, skips that line and returns the next line")
    func tooLong() {
        var buffer = buffer("0123456789\nnext\n")
        var scanner = LineScanner(limit: 5)
        guard case .failed(.lineTooLong(limit: 5)) = buffer.takeLine(&scanner) else {
            Issue.record("expected a failure")
            return
        }
        #expect(text(buffer.takeLine(&scanner)) == "next")
    }

    @Test("take(upTo:) includes the delimiter and fails with `tooLarge` beyond the limit")
    func upTo() {
        var buffer = buffer("a;bcd")
        var scanned = 0
        guard case .message(let part) = buffer.take(upTo: [0x3b], limit: 2, scanned: &scanned)
        else {
            Issue.record("expected a part")
            return
        }
        #expect(part == Array("a;".utf8))
        guard case .needsMore = buffer.take(upTo: [0x3b], limit: 4, scanned: &scanned) else {
            Issue.record("expected to need more")
            return
        }
        guard
            case .failed(.tooLarge(limit: 3)) = buffer.take(
                upTo: [0x3b], limit: 3, scanned: &scanned)
        else {
            Issue.record("expected a failure")
            return
        }
        #expect(buffer.count == 3)
    }

    @Test("a parser may consume no bytes, some bytes or all bytes", arguments: 0...3)
    func parsed(consumed: Int) {
        var buffer = buffer("abc")
        guard case .message("value") = buffer.take((consumed, "value"), limit: 10) else {
            Issue.record("expected the value")
            return
        }
        let count = buffer.count
        #expect(count == 3 - consumed)
    }

    @Test(
        "a parser that consumes an impossible number of bytes fails and consumes nothing",
        arguments: [-1, 4, .min, .max])
    func impossible(consumed: Int) {
        var buffer = buffer("abc")
        guard case .failed(.invalidInput) = buffer.take((consumed, "value"), limit: 10) else {
            Issue.record("expected a failure")
            return
        }
        let count = buffer.count
        #expect(count == 3)
    }

    @Test(
        "a parser may ask for more bytes only below the limit",
        arguments: [(4, false), (3, true), (0, true), (-1, true)])
    func limit(limit: Int, isReached: Bool) {
        var buffer = buffer("abc")
        let nothing: (consumed: Int, value: String)? = nil
        let fails =
            if case .failed(.tooLarge(limit: limit)) = buffer.take(nothing, limit: limit) {
                true
            } else {
                false
            }
        #expect(fails == isReached)
    }
}
