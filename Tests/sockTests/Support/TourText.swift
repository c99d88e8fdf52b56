import Foundation
import Testing

/// Compares the lines that the tour shows with the lines that the tour runs.
enum TourText {
    /// Expects that every line that a chapter shows also occurs in its file as code.
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
            case .code where text.hasPrefix("try printer.code("):
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
            // Code has to discard a result that it does not use.
            let isRun = run.contains(line) || run.contains("_ = \(line)")
            #expect(isRun, "\(file) shows but does not run: \(line)")
        }
    }

    private enum Place { case code, call, literal }

    /// Returns the text of `try printer.code("…")` or `#"…"#`.
    private static func oneLineLiteral(_ text: String) -> String? {
        guard let start = text.firstIndex(of: "\""), let end = text.lastIndex(of: "\""),
            start < end,
            !text.contains(#"""""#)
        else { return nil }
        return String(text[text.index(after: start)..<end])
    }
}
