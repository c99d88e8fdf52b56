import Foundation
import Testing

/// Checks the links, the command sessions and the tutorial table of the documents.
@Suite("Documents", .ownThread)
struct DocumentsTests {
    private static let pages = [
        "README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "RELIABILITY.md",
        "SECURITY.md", "Benchmarks/README.md",
    ]
    private static let articles = "Sources/Sockets/Sockets.docc"

    /// The root of the repository, three levels above this file.
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func text(of page: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
    }

    @Test("every relative link refers to an existing file", arguments: pages)
    func everyLinkRefersToAFile(page: String) throws {
        let folder = Self.root.appendingPathComponent(page).deletingLastPathComponent()
        for link in try Self.text(of: page).matches(of: /\]\(([^)#]+)(?:#[^)]*)?\)/).map(\.1)
        where !link.contains("://") {
            #expect(
                FileManager.default.fileExists(
                    atPath: folder.appendingPathComponent(String(link)).path),
                "\(page) refers to \(link)")
        }
    }

    @Test(
        "every documented command session prints the output that the page shows",
        arguments: ["README.md"] + ["Errors", "Deadlock"].map { "\(articles)/\($0).md" })
    func everySessionPrintsWhatThePageShows(page: String) throws {
        let blocks = try Self.text(of: page).matches(of: /(?s)```text\n(\$ .*?)\n```/).map(\.1)
        try #require(!blocks.isEmpty, "\(page) shows no session")
        for block in blocks {
            #expect(masked(try replay(String(block))) == masked(String(block)))
        }
    }

    @Test("every row of the tutorial table has an example, a test and a shell command")
    func everyRowIsComplete() throws {
        for page in ["README.md", "README.zh-CN.md"] {
            let rows = try Self.text(of: page).split(separator: "\n")
                .filter { $0.contains("](Examples/") && $0.hasPrefix("| ") }
            #expect(rows.count == 12, "\(page): expected seven client and five server chapters")
            for row in rows {
                #expect(row.contains("](Tests/"), "\(page): \(row)")
                #expect(row.split(separator: "|").count == 6, "\(page): \(row)")
                #expect(row.split(separator: "|").last?.contains("`") == true, "\(page): \(row)")
            }
        }
    }

    /// Runs the commands of a session, and returns the session with their actual output.
    private func replay(_ session: String) throws -> String {
        var status: Int32?
        var result: [String] = []
        for line in session.split(separator: "\n") where line.hasPrefix("$ ") {
            result.append(String(line))
            var words = line.dropFirst(2).split(separator: " ").map(String.init)
            if words == ["echo", "$?"] {
                result.append(status.map { "\($0)" } ?? "")
                continue
            }
            if words.starts(with: ["swift", "run"]) { words.removeFirst(2) }
            let program = try Program(words[0], Array(words.dropFirst()))
            (result, status) = (result + (try program.linesToTheEnd()), program.status)
        }
        return result.joined(separator: "\n")
    }

    /// Replaces ports, byte counts, rates and times, which vary between runs.
    private func masked(_ session: String) -> String {
        session.replacing(/\d+ (bytes|KB|MB) a second/, with: "RATE")
            .replacing(/\d{4,}/, with: "NUMBER")
            .replacing(/\d+(\.\d)? m?s\b/, with: "TIME")
    }
}
