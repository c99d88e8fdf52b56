import Testing

@testable import Sockets

@Suite("ParseResult from what has come", .ownThread)
struct ByteBufferTakingTests {
    private func buffer(_ text: String) -> ByteBuffer {
        var buffer = ByteBuffer(capacity: 64)
        Array(text.utf8).withUnsafeBytes { buffer.append($0) }
        return buffer
    }

    private func text(_ taking: ParseResult<UnsafeRawBufferPointer>) -> String? {
        if case .message(let bytes) = taking { String(decoding: bytes, as: UTF8.self) } else { nil }
    }

    @Test("no more is taken than there is")
    func count() {
        var buffer = buffer("abc")
        #expect(buffer.take(2) == Array("ab".utf8))
        #expect(buffer.take(2) == Array("c".utf8))
        #expect(buffer.take(2).isEmpty)
    }

    @Test("a line is taken when it is whole, and what is left is the last one")
    func lines() {
        var buffer = buffer("one\r\ntwo")
        var scanner = LineScanner(limit: 10)
        #expect(text(buffer.takeLine(&scanner)) == "one")
        #expect(text(buffer.takeLine(&scanner)) == nil)
        #expect(text(buffer.takeLastLine(&scanner)) == "two")
        #expect(text(buffer.takeLastLine(&scanner)) == nil)
    }

    @Test("a line that is too long is refused and passed over")
    func tooLong() {
        var buffer = buffer("0123456789\nnext\n")
        var scanner = LineScanner(limit: 5)
        guard case .failed(.lineTooLong(limit: 5)) = buffer.takeLine(&scanner) else {
            Issue.record("expected it to be refused")
            return
        }
        #expect(text(buffer.takeLine(&scanner)) == "next")
    }

    @Test("a part ends with its byte, within the limit")
    func upTo() {
        var buffer = buffer("a;bcd")
        var scanned = 0
        guard case .message(let part) = buffer.take(upTo: 0x3b, limit: 2, scanned: &scanned) else {
            Issue.record("expected a part")
            return
        }
        #expect(part == Array("a;".utf8))
        guard case .needsMore = buffer.take(upTo: 0x3b, limit: 4, scanned: &scanned) else {
            Issue.record("expected to need more")
            return
        }
        guard
            case .failed(.tooLarge(limit: 3)) = buffer.take(
                upTo: 0x3b, limit: 3, scanned: &scanned)
        else {
            Issue.record("expected it to be refused")
            return
        }
        #expect(buffer.count == 3)
    }
}
