import Foundation
import Testing

/// What the tour shows and what it runs, compared.
enum TourText {
    /// Every line of Swift that a chapter shows has to stand in the same file once more, as code.
    static func expectShownLinesToRun(in file: String) throws {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let source = try String(
            contentsOf: root.appendingPathComponent("Sources/sock/Tour/\(file).swift"),
            encoding: .utf8)
        var shown: [String] = []
        var run: Set<String> = []
        var isInside = false
        for line in source.components(separatedBy: "\n") {
            let text = line.trimmingCharacters(in: .whitespaces)
            if text.hasPrefix("try guide.code(") {
                isInside = !text.hasSuffix(")")
                if let literal = oneLineLiteral(text) { shown.append(literal) }
            } else if text.contains(#"""""#) && isInside {
                if text.hasPrefix(#"""""#), text != #"""""# { isInside = false }
            } else if isInside {
                if let literal = oneLineLiteral(text) {
                    shown.append(literal)
                    isInside = false
                } else {
                    shown.append(text.replacingOccurrences(of: #"\\n"#, with: #"\n"#))
                }
            } else {
                run.insert(text)
            }
        }
        try #require(!shown.isEmpty, "\(file) shows no lines")
        for line in shown { #expect(run.contains(line), "\(file) shows but does not run: \(line)") }
    }

    /// `try guide.code("…")` and `#"…"#`
    private static func oneLineLiteral(_ text: String) -> String? {
        guard let start = text.firstIndex(of: "\""), let end = text.lastIndex(of: "\""),
            start < end,
            !text.contains(#"""""#)
        else { return nil }
        return String(text[text.index(after: start)..<end])
    }
}
