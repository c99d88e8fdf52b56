@testable import Sockets

/// Passes an input in chunks to the parsers of lines and delimited parts.
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
    checkParts(bytes, limit: max(1, limit), chunkSize: size, text)
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
private func checkParts(_ bytes: [UInt8], limit: Int, chunkSize size: Int, _ text: String) {
    let mark = bytes.first ?? 0
    var buffer = ByteBuffer(capacity: 32)
    var scanned = 0
    var taken: [UInt8] = []
    var rest = bytes[...]
    while true {
        switch buffer.take(upTo: [mark], limit: limit, scanned: &scanned) {
        case .message(let part):
            require(part.last == mark && part.count <= limit, "a part without its end", text)
            require(!part.dropLast().contains(mark), "two parts in one", text)
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
