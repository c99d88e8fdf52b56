/// Requires that a text is safe to print on a terminal.
func requirePrintable(_ description: String, _ text: String) {
    let isPrintable = description.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    require(isPrintable, "a description contains control characters", text)
}

/// Ends the program if the condition is false, so that the fuzzer keeps the input.
func require(_ condition: Bool, _ message: String, _ text: String) {
    guard !condition else { return }
    fatalError("\(message): input \(text.debugDescription)")
}

/// Reads values from an input.
///
/// After its end, bytes are zero and texts are empty.
struct InputReader {
    private var rest: ArraySlice<UInt8>

    init(_ input: [UInt8]) { rest = input[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    mutating func take(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// Reads a text up to the next NUL, where a C string ends.
    mutating func text() -> [UInt8] {
        let text = Array(rest.prefix { $0 != 0 })
        rest = rest.dropFirst(text.count + 1)
        return text
    }
}
