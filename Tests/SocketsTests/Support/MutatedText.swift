/// Nearly valid texts for tests of parsers: parts of valid texts with bytes changed, doubled,
/// dropped and joined.
struct MutatedText {
    private let seeds: [[UInt8]]
    private var generator: SeededGenerator

    init(of seeds: [String], seed: UInt64) {
        self.seeds = seeds.map { Array($0.utf8) }
        generator = SeededGenerator(seed: seed)
    }

    /// Returns the next text.
    ///
    /// Invalid UTF-8 is repaired, as `String` does.
    mutating func next() -> String {
        var bytes = seeds.randomElement(using: &generator) ?? []
        for _ in 0..<Int.random(in: 0...4, using: &generator) { mutate(&bytes) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        let interesting =
            Array("0123456789abcdefxz:.[]%/@-+\\ \0\n\u{7f}_".utf8) + [0x80, 0xD9, 0xFF]
        let position = Int.random(in: 0...bytes.count, using: &generator)
        // Characters of several bytes: a combining accent, invisible marks and foreign digits.
        let foreign = ["\u{301}", "\u{202e}", "\u{85}", "٣", "８", "é"]
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: bytes.insert(interesting.randomElement(using: &generator) ?? 0, at: position)
        case 1: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
        case 2: bytes.removeSubrange(position..<min(position + 1, bytes.count))
        case 3: bytes.removeSubrange(position...)
        case 4: bytes.insert(contentsOf: bytes[position...].prefix(8), at: position)
        case 5:
            let character = foreign.randomElement(using: &generator) ?? ""
            bytes.insert(contentsOf: character.utf8, at: position)
        default: bytes += seeds.randomElement(using: &generator) ?? []
        }
    }
}
