import Foundation
import Testing

/// Keeps what the documents show and refer to true.
@Suite("Documents", .ownThread)
struct DocumentsTests {
    private static let pages = [
        "README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md",
        "Benchmarks/README.md",
    ]
    private static let articles = "Sources/Sockets/Sockets.docc"

    /// The repository: three above this file.
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func text(of page: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
    }

    @Test("every link into the repository leads to a file", arguments: pages)
    func everyLinkLeadsToAFile(page: String) throws {
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
        "every session that is shown goes as it is shown",
        arguments: ["README.md"] + ["Errors", "Deadlock"].map { "\(articles)/\($0).md" })
    func everySessionGoesAsShown(page: String) throws {
        let blocks = try Self.text(of: page).matches(of: /(?s)```text\n(\$ .*?)\n```/).map(\.1)
        try #require(!blocks.isEmpty, "nothing was checked: \(page) shows no session")
        for block in blocks {
            #expect(masked(try replay(String(block))) == masked(String(block)))
        }
    }

    @Test("every row of the tutorial has an example, a test and a way to do it in the shell")
    func everyRowIsComplete() throws {
        for page in ["README.md", "README.zh-CN.md"] {
            let rows = try Self.text(of: page).split(separator: "\n")
                .filter { $0.contains("](Examples/") && $0.hasPrefix("| ") }
            #expect(rows.count == 12, "\(page): seven chapters of clients, five of servers")
            for row in rows {
                #expect(row.contains("](Tests/"), "\(page): \(row)")
                #expect(row.split(separator: "|").count == 6, "\(page): \(row)")
                #expect(row.split(separator: "|").last?.contains("`") == true, "\(page): \(row)")
            }
        }
    }

    /// Runs the commands of a session, and returns it with what they really print.
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

    /// Ports, amounts, rates and times differ each time; shorter numbers do not.
    private func masked(_ session: String) -> String {
        session.replacing(/\d+ (bytes|KB|MB) a second/, with: "RATE")
            .replacing(/\d{4,}/, with: "NUMBER")
            .replacing(/\d+(\.\d)? m?s\b/, with: "TIME")
    }
}
