@testable import Sockets

/// Passes an input in chunks to the parsers of lines, delimited parts and frames.
///
/// The result must not depend on the size of the chunks.
func checkLines(_ input: [UInt8]) {
    var reader = InputReader(input)
    let limit = Int(reader.byte())
    let size = 1 + Int(reader.byte()) % 16
    let bytes = reader.take(input.count)
    let text = String(decoding: bytes, as: UTF8.self)

    let whole = lines(of: bytes, limit: limit, chunkSize: max(1, bytes.count))
    let arriving = lines(of: bytes, limit: limit, chunkSize: size)
    // A line that is too long is rejected at once, so its length is unknown.
    require(whole == arriving, "the lines depend on the chunk size: \(whole), \(arriving)", text)
    require(whole == simpleLines(of: bytes, limit: limit), "the lines are wrong", text)
    for count in 1...3 {
        let mark = bytes.isEmpty ? [0] : Array(bytes.prefix(count))
        checkParts(bytes, mark, limit: max(1, limit), chunkSize: size, text)
    }
    checkFrames(bytes, limit: limit, chunkSize: size, text)
}

/// Lines, with nil for a line that is too long.
private typealias Lines = [[UInt8]?]

private func lines(of bytes: [UInt8], limit: Int, chunkSize size: Int) -> Lines {
    var buffer = ByteBuffer(capacity: 32)
    var scanner = LineScanner(limit: limit)
    var lines: Lines = []
    var rest = bytes[...]
    while true {
        switch buffer.takeLine(&scanner) {
        case .message(let line): lines.append([UInt8](line))
        case .failed: lines.append(nil)
        case .needsMore:
            guard !rest.isEmpty else {
                switch buffer.takeLastLine(&scanner) {
                case .message(let line): lines.append([UInt8](line))
                case .failed: lines.append(nil)
                case .needsMore: break
                }
                return lines
            }
            let piece = rest.prefix(size)
            piece.withUnsafeBytes { buffer.append($0) }
            rest = rest.dropFirst(piece.count)
        }
    }
}

/// Returns the lines with the simplest possible algorithm.
private func simpleLines(of bytes: [UInt8], limit: Int) -> Lines {
    var lines: Lines = []
    var parts = bytes.split(
        separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let last = parts.removeLast()
    for part in parts {
        let line = part.last == UInt8(ascii: "\r") ? part.dropLast() : part
        lines.append(line.count <= limit ? Array(line) : nil)
    }
    // The last line has no newline, so a CR belongs to it.
    if !last.isEmpty { lines.append(last.count <= limit ? Array(last) : nil) }
    return lines
}

/// Checks parts that end with a delimiter.
private func checkParts(
    _ bytes: [UInt8], _ mark: [UInt8], limit: Int, chunkSize size: Int, _ text: String
) {
    var buffer = ByteBuffer(capacity: 32)
    var scanned = 0
    var taken: [UInt8] = []
    var rest = bytes[...]
    while true {
        switch buffer.take(upTo: mark, limit: limit, scanned: &scanned) {
        case .message(let part):
            require(part.count <= limit, "a part beyond the limit", text)
            require(simpleEnd(of: mark, in: part) == part.count, "not the first end", text)
            taken += part
            scanned = 0
        case .failed:
            require(buffer.count >= limit, "refused before it is too long", text)
            return
        case .needsMore:
            guard !rest.isEmpty else {
                taken += buffer.take(buffer.count)
                require(taken == bytes, "the parts are not the stream", text)
                return
            }
            let piece = rest.prefix(size)
            piece.withUnsafeBytes { buffer.append($0) }
            rest = rest.dropFirst(piece.count)
        }
    }
}

/// Returns the end of the first delimiter with the simplest possible algorithm.
private func simpleEnd(of mark: [UInt8], in bytes: [UInt8]) -> Int? {
    bytes.indices.map { $0 + 1 }.first { bytes[..<$0].suffix(mark.count).elementsEqual(mark) }
}

/// Checks frames, whose payloads must not depend on the size of the chunks.
private func checkFrames(_ bytes: [UInt8], limit: Int, chunkSize size: Int, _ text: String) {
    for length in [
        FrameLength.uint8(limit: limit), .uint16(.littleEndian, limit: limit),
        .uint64(limit: .max),
    ] {
        let whole = frames(of: bytes, length, chunkSize: max(1, bytes.count))
        let arriving = frames(of: bytes, length, chunkSize: size)
        require(whole == arriving, "the frames depend on the chunk size", text)
        require(
            whole.reduce(0) { $0 + $1.count } <= bytes.count, "more payload than input", text)
    }
}

/// Returns the payloads of the complete frames before the first length beyond the limit.
private func frames(of bytes: [UInt8], _ length: FrameLength, chunkSize size: Int) -> [[UInt8]] {
    var buffer = ByteBuffer(capacity: 32)
    var scanner = LineScanner(limit: 0)
    var parser = MessageParser(.frame(length: length), delimitedLimit: 0)
    var frames: [[UInt8]] = []
    var rest = bytes[...]
    while true {
        switch parser.next(&buffer, &scanner, isAtEnd: false) {
        case .message(let frame): frames.append(frame)
        case .failed: return frames
        case .needsMore:
            guard !rest.isEmpty else { return frames }
            let piece = rest.prefix(size)
            piece.withUnsafeBytes { buffer.append($0) }
            rest = rest.dropFirst(piece.count)
        }
    }
}
