@testable import Sockets

/// Feeds one input, in pieces as they might arrive, to what finds lines and parts in a stream. The
/// outcome must be that of looking at the whole at once.
func checkLines(_ input: [UInt8]) {
    var pieces = Pieces(input)
    let limit = Int(pieces.byte())
    let size = 1 + Int(pieces.byte()) % 16
    let bytes = pieces.take(input.count)
    let text = String(decoding: bytes, as: UTF8.self)

    let whole = lines(of: bytes, limit: limit, inPiecesOf: max(1, bytes.count))
    let arriving = lines(of: bytes, limit: limit, inPiecesOf: size)
    // A line that is too long is refused as soon as that is seen: its length is not told.
    require(whole == arriving, "lines depend on how they arrive: \(whole), \(arriving)", text)
    require(whole == simpleLines(of: bytes, limit: limit), "other lines than there are", text)
    checkParts(bytes, limit: max(1, limit), inPiecesOf: size, text)
}

/// Nil is a line that is too long.
private typealias Lines = [[UInt8]?]

private func lines(of bytes: [UInt8], limit: Int, inPiecesOf size: Int) -> Lines {
    var buffer = ByteBuffer(capacity: 32)
    var scanner = LineScanner(limit: limit)
    var lines: Lines = []
    var rest = bytes[...]
    while true {
        switch buffer.takeLine(&scanner) {
        case .part(let line): lines.append([UInt8](line))
        case .refused: lines.append(nil)
        case .more:
            guard !rest.isEmpty else {
                switch buffer.takeLastLine(&scanner) {
                case .part(let line): lines.append([UInt8](line))
                case .refused: lines.append(nil)
                case .more: break
                }
                return lines
            }
            let piece = rest.prefix(size)
            piece.withUnsafeBytes { buffer.append($0) }
            rest = rest.dropFirst(piece.count)
        }
    }
}

/// What lines are, written as one would explain it.
private func simpleLines(of bytes: [UInt8], limit: Int) -> Lines {
    var lines: Lines = []
    var parts = bytes.split(
        separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let last = parts.removeLast()
    for part in parts {
        let line = part.last == UInt8(ascii: "\r") ? part.dropLast() : part
        lines.append(line.count <= limit ? Array(line) : nil)
    }
    // The last one has no end, so that a CR is part of it.
    if !last.isEmpty { lines.append(last.count <= limit ? Array(last) : nil) }
    return lines
}

/// The same for parts that end with some byte.
private func checkParts(_ bytes: [UInt8], limit: Int, inPiecesOf size: Int, _ text: String) {
    let mark = bytes.first ?? 0
    var buffer = ByteBuffer(capacity: 32)
    var scanned = 0
    var taken: [UInt8] = []
    var rest = bytes[...]
    while true {
        switch buffer.take(upTo: mark, limit: limit, scanned: &scanned) {
        case .part(let part):
            require(part.last == mark && part.count <= limit, "a part without its end", text)
            require(!part.dropLast().contains(mark), "two parts in one", text)
            taken += part
            scanned = 0
        case .refused:
            require(buffer.count >= limit, "refused before it is too long", text)
            return
        case .more:
            guard !rest.isEmpty else {
                taken += buffer.take(buffer.count)
                require(taken == bytes, "parts that are not the stream", text)
                return
            }
            let piece = rest.prefix(size)
            piece.withUnsafeBytes { buffer.append($0) }
            rest = rest.dropFirst(piece.count)
        }
    }
}
