import Testing

@testable import Sockets

@Suite("Framing", .ownThread)
struct FramingTests {
    private func end(of delimiter: String, in text: String, searched: Int = 0) -> Int? {
        Array(text.utf8).withUnsafeBytes {
            Framing.end(of: Array(delimiter.utf8), in: $0, searched: searched)
        }
    }

    @Test("a delimiter is found at its first occurrence")
    func first() {
        #expect(end(of: "\r\n", in: "a\nb\rc\r\nd\r\n") == 7)
        #expect(end(of: "aab", in: "aaab") == 4)
        #expect(end(of: "abab", in: "abaabab") == 7)
        #expect(end(of: ";", in: ";;") == 1)
        #expect(end(of: "ab", in: "b") == nil)
        #expect(end(of: "", in: "abc") == nil)
    }

    @Test("a delimiter that arrives in two pieces is found wherever it is divided")
    func pieces() {
        let text = Array("one\r\n\r\ntwo".utf8)
        for count in 0...7 {
            var buffer = ByteBuffer(capacity: 4)
            var scanner = LineScanner(limit: 0)
            var parser = MessageParser(.until("\r\n\r\n"), delimitedLimit: 7)
            text[..<count].withUnsafeBytes { buffer.append($0) }
            let isComplete =
                if case .message = parser.next(&buffer, &scanner, isAtEnd: false) { true } else {
                    false
                }
            #expect(isComplete == (count == 7))
            if isComplete { continue }
            text[count...].withUnsafeBytes { buffer.append($0) }
            guard case .message(let message) = parser.next(&buffer, &scanner, isAtEnd: false)
            else {
                Issue.record("expected a message")
                continue
            }
            #expect(message == Array(text[..<7]))
        }
    }

    @Test("an empty delimiter is invalid input")
    func emptyDelimiter() {
        var buffer = ByteBuffer(capacity: 4)
        var scanner = LineScanner(limit: 0)
        var parser = MessageParser(.until(""), delimitedLimit: 7)
        guard case .failed(.invalidInput) = parser.next(&buffer, &scanner, isAtEnd: false) else {
            Issue.record("expected a failure")
            return
        }
    }

    @Test(
        "an integer keeps its value when converted to bytes and back in either byte order",
        arguments: [ByteOrder.bigEndian, .littleEndian])
    func integers(order: ByteOrder) {
        #expect(UInt8(UInt8.max.bytes(order), order) == .max)
        #expect(Int16(Int16.min.bytes(order), order) == .min)
        #expect(UInt32(UInt32(0x0102_0304).bytes(order), order) == 0x0102_0304)
        #expect(Int64(Int64(-2).bytes(order), order) == -2)
        #expect(UInt128(UInt128.max.bytes(order), order) == .max)
    }

    @Test("bigEndian puts the most significant byte first, and littleEndian the least significant")
    func byteOrder() {
        #expect(UInt32(0x0102_0304).bytes(.bigEndian) == [1, 2, 3, 4])
        #expect(UInt32(0x0102_0304).bytes(.littleEndian) == [4, 3, 2, 1])
    }

    @Test("the limit of a FrameLength is clamped to the range of its integer")
    func limits() {
        #expect(FrameLength.uint8(limit: 1000).limit == 255)
        #expect(FrameLength.uint16(limit: 1 << 20).limit == 65_535)
        #expect(FrameLength.uint32(limit: .max).limit == Int(UInt32.max))
        #expect(FrameLength.uint64(limit: .max).limit == .max - 8)
        #expect(FrameLength.uint32(limit: -1).limit == 0)
    }

    @Test(
        "a length whose frame does not fit into an Int exceeds every limit",
        arguments: [UInt64.max, 1 << 63, UInt64(Int.max), UInt64(Int.max - 7)])
    func largestLength(length: UInt64) {
        let size = length.bytes(.bigEndian).withUnsafeBytes {
            FrameLength.uint64(limit: .max).size(of: $0)
        }
        guard case .failed(.tooLarge(limit: Int.max - 8)) = size else {
            Issue.record("expected a failure")
            return
        }
    }

    @Test("parsing the length of the largest possible frame does not overflow")
    func largestFrame() {
        var buffer = ByteBuffer(capacity: 4)
        var scanner = LineScanner(limit: 0)
        UInt64(Int.max - 8).bytes(.littleEndian).withUnsafeBytes { buffer.append($0) }
        var parser = MessageParser(
            .frame(length: .uint64(.littleEndian, limit: .max)), delimitedLimit: 0)
        guard case .needsMore = parser.next(&buffer, &scanner, isAtEnd: false) else {
            Issue.record("expected to need more")
            return
        }
    }

    @Test("a Framing is at most 16 bytes, because waiting tasks store it")
    func size() {
        #expect(MemoryLayout<Framing>.size <= 16)
    }
}
