/// Swift source text reduced to what the compiler would act on.
///
/// Comments and the contents of string literals are blanked out (code inside `\( )` stays), so that a
/// rule about names does not trip over a sentence that mentions one. Offsets and line breaks keep
/// their places.
struct SwiftCode {
    /// One identifier or keyword, where it stands, and how deep in braces.
    struct Word: Equatable {
        var text: String
        var line: Int
        var depth: Int
        /// The character before it, blanks left out: `.` means that it is a member of something.
        var precededBy: Character?
    }

    let words: [Word]

    init(_ source: String) {
        words = Self.words(in: Self.blankingCommentsAndStrings(Array(source.utf8)))
    }

    /// The types declared at file level, those private to the file left out.
    var declaredTypes: [String] {
        let introducers: Set = ["struct", "class", "enum", "protocol", "actor", "typealias"]
        let modifiers: Set = ["public", "package", "internal", "open", "final", "indirect"]
        return words.indices.dropLast().compactMap { index in
            guard words[index].depth == 0, introducers.contains(words[index].text) else {
                return nil
            }
            let outermost = words[..<index].last { !modifiers.contains($0.text) }?.text
            guard outermost != "private", outermost != "fileprivate" else { return nil }
            return words[index + 1].text
        }
    }

    /// The modules named by `import` declarations.
    var imports: [String] {
        words.indices.dropLast().compactMap { index in
            guard words[index].text == "import", words[index].depth == 0 else { return nil }
            let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "var"]
            let next = words[index + 1].text
            guard kinds.contains(next), index + 2 < words.count else { return next }
            return words[index + 2].text
        }
    }

    /// Whether the text binds `name` itself, with `let`, `var`, `func` or `case`.
    func declares(_ name: String) -> Bool {
        zip(words, words.dropFirst()).contains { introducer, declared in
            declared.text == name && ["let", "var", "func", "case"].contains(introducer.text)
        }
    }
}

extension SwiftCode {
    private enum Context {
        case code(parentheses: Int)
        case string(hashes: Int, multiline: Bool)
    }

    private static func blankingCommentsAndStrings(_ source: [UInt8]) -> [UInt8] {
        var result = source
        var stack: [Context] = [.code(parentheses: 0)]
        var position = 0

        func starts(_ text: StaticString, at offset: Int) -> Bool {
            text.withUTF8Buffer { wanted in
                offset + wanted.count <= source.count
                    && source[offset..<offset + wanted.count].elementsEqual(wanted)
            }
        }
        func blank(_ count: Int) {
            for offset in position..<min(position + count, source.count)
            where source[offset] != UInt8(ascii: "\n") {
                result[offset] = UInt8(ascii: " ")
            }
            position += count
        }
        func hashes(at offset: Int) -> Int {
            source[offset...].prefix { $0 == UInt8(ascii: "#") }.count
        }

        while position < source.count {
            switch stack[stack.count - 1] {
            case .code(let parentheses):
                let hashCount = hashes(at: position)
                if starts("//", at: position) {
                    blank(source[position...].prefix { $0 != UInt8(ascii: "\n") }.count)
                } else if starts("/*", at: position) {
                    var depth = 0
                    repeat {
                        if starts("/*", at: position) {
                            depth += 1
                            blank(2)
                        } else if starts("*/", at: position) {
                            depth -= 1
                            blank(2)
                        } else {
                            blank(1)
                        }
                    } while depth > 0 && position < source.count
                } else if starts("\"\"\"", at: position + hashCount) {
                    blank(hashCount + 3)
                    stack.append(.string(hashes: hashCount, multiline: true))
                } else if starts("\"", at: position + hashCount) {
                    blank(hashCount + 1)
                    stack.append(.string(hashes: hashCount, multiline: false))
                } else if source[position] == UInt8(ascii: "(") {
                    stack[stack.count - 1] = .code(parentheses: parentheses + 1)
                    position += 1
                } else if source[position] == UInt8(ascii: ")") {
                    if parentheses == 0, stack.count > 1 {
                        stack.removeLast()
                    } else {
                        stack[stack.count - 1] = .code(parentheses: parentheses - 1)
                    }
                    position += 1
                } else {
                    position += max(1, hashCount)
                }
            case .string(let hashCount, let multiline):
                let quotes = multiline ? 3 : 1
                let closes =
                    starts(multiline ? "\"\"\"" : "\"", at: position)
                    && position + quotes + hashCount <= source.count
                    && source[(position + quotes)...].prefix(hashCount).allSatisfy {
                        $0 == UInt8(ascii: "#")
                    }
                if closes {
                    blank(quotes + hashCount)
                    stack.removeLast()
                } else if source[position] == UInt8(ascii: "\\"),
                    position + 1 + hashCount < source.count,
                    hashes(at: position + 1) >= hashCount
                {
                    let escaped = source[position + 1 + hashCount]
                    blank(1 + hashCount)
                    if escaped == UInt8(ascii: "(") {
                        position += 1
                        stack.append(.code(parentheses: 0))
                    } else {
                        blank(1)
                    }
                } else {
                    blank(1)
                }
            }
        }
        return result
    }

    private static func words(in code: [UInt8]) -> [Word] {
        var words: [Word] = []
        var line = 1
        var depth = 0
        var previous: UInt8?
        var position = 0
        while position < code.count {
            let byte = code[position]
            let word = code[position...].prefix(while: isPartOfWord)
            if !word.isEmpty {
                if !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                    words.append(
                        Word(
                            text: String(decoding: word, as: UTF8.self), line: line, depth: depth,
                            precededBy: previous.map { Character(UnicodeScalar($0)) }))
                }
                previous = word.last
                position += word.count
                continue
            }
            switch byte {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: "\n"): line += 1
            default: break
            }
            if byte > UInt8(ascii: " ") { previous = byte }
            position += 1
        }
        return words
    }

    private static func isPartOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default:
            false
        }
    }
}
