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
        var place = Place.code
        for line in source.components(separatedBy: "\n") {
            let text = line.trimmingCharacters(in: .whitespaces)
            switch place {
            case .code where text.hasPrefix("try guide.code("):
                place = .call
                fallthrough
            case .call:
                if let literal = oneLineLiteral(text) {
                    shown.append(literal)
                    place = .code
                } else if text.hasSuffix(#"""""#) {
                    place = .literal
                }
            case .literal where text.hasPrefix(#"""""#):
                place = .code
            case .literal:
                shown.append(text.replacingOccurrences(of: #"\\n"#, with: #"\n"#))
            case .code:
                run.insert(text)
            }
        }
        try #require(!shown.isEmpty, "\(file) shows no lines")
        for line in shown {
            // Where a result is of no interest, that has to be said in code.
            let isRun = run.contains(line) || run.contains("_ = \(line)")
            #expect(isRun, "\(file) shows but does not run: \(line)")
        }
    }

    private enum Place { case code, call, literal }

    /// `try guide.code("…")` and `#"…"#`
    private static func oneLineLiteral(_ text: String) -> String? {
        guard let start = text.firstIndex(of: "\""), let end = text.lastIndex(of: "\""),
            start < end,
            !text.contains(#"""""#)
        else { return nil }
        return String(text[text.index(after: start)..<end])
    }
}
