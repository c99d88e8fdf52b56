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
}
