import Testing

/// Verifies that every listing in the documents is compiled and tested.
@Suite("Listings")
struct ListingTests {
    private static let readmes = ["README.md", "README.zh-CN.md"]

    private static let articles = ["Sockets", "Clients", "Servers", "Deadlock", "Errors"]
        .map { "Sources/Sockets/Sockets.docc/\($0).md" }

    @Test(
        "each Swift listing occurs in a file of Examples or Tests", arguments: readmes + articles)
    func everySwiftListingIsCompiled(page: String) throws {
        let listings = fencedBlocks(of: try SourceTree.text(of: page))
            .filter { $0.language == "swift" }
        try #require(!listings.isEmpty, "nothing was checked: \(page) has no Swift listing")
        let sources = try ["Examples", "Tests"].flatMap { try SourceTree.swiftFiles(below: $0) }
            .filter { !$0.path.hasPrefix("Tests/SocketsTests/Structure/") }
            .map { ($0.path, lines(of: $0.text)) }
        var files: [String] = []
        for listing in listings {
            if let file = sources.first(where: { occurs(listing.lines, in: $0.1) }) {
                files.append(file.0)
            } else {
                Issue.record(
                    "\(page):\(listing.line): this listing is in no file of Examples or Tests")
            }
        }
        print("Listings: \(page) shows", files.joined(separator: ", "))
    }

    @Test("README.md and README.zh-CN.md have the same listings and commands")
    func readmesHaveTheSameListings() throws {
        let blocks = try Self.readmes.map { fencedBlocks(of: try SourceTree.text(of: $0)) }
        try #require(!blocks[0].isEmpty, "nothing was checked: README.md has no listing")
        #expect(blocks[0].map(\.language) == blocks[1].map(\.language))
        for (english, chinese) in zip(blocks[0], blocks[1]) {
            #expect(
                english.lines == chinese.lines,
                "README.md:\(english.line) and README.zh-CN.md:\(chinese.line) differ")
        }
        print("Listings: \(blocks[0].count) blocks are the same in both READMEs")
    }

    @Test("a listing is found at any indentation, but only as a whole")
    func aListingIsFoundAtAnyIndentation() {
        let file = ["func demo() {", "    let a = 1", "", "    use(a)", "}"]
        #expect(occurs(["let a = 1", "", "use(a)"], in: file))
        #expect(!occurs(["let a = 1", "use(a)"], in: file))
        #expect(!occurs(["let a = 1", "", "    use(a)"], in: file))
        #expect(!occurs(["let a"], in: file))
    }

    @Test("fencedBlocks returns the language and the line of each block")
    func fencedBlocksCarryTheirLanguage() {
        let blocks = fencedBlocks(of: "Text\n```swift\nlet a = 1\n```\n\n```sh\nls\n```\n")
        #expect(blocks.map(\.language) == ["swift", "sh"])
        #expect(blocks.map(\.line) == [2, 6])
        #expect(blocks.map(\.lines) == [["let a = 1"], ["ls"]])
    }
}

/// A fenced block of a Markdown file.
private struct FencedBlock {
    var language: String
    var line: Int
    var lines: [String]
}

private func fencedBlocks(of markdown: String) -> [FencedBlock] {
    var blocks: [FencedBlock] = []
    var open: FencedBlock?
    for (index, line) in lines(of: markdown).enumerated() {
        if line.hasPrefix("```") {
            if let block = open {
                blocks.append(block)
                open = nil
            } else {
                let language = String(line.drop { $0 == "`" })
                open = FencedBlock(language: language, line: index + 1, lines: [])
            }
        } else {
            open?.lines.append(line)
        }
    }
    return blocks
}

/// Returns whether `file` contains the lines of `listing`, possibly all indented.
private func occurs(_ listing: [String], in file: [String]) -> Bool {
    guard let first = listing.first, listing.count <= file.count else { return false }
    return (0...(file.count - listing.count)).contains { start in
        let indentation = file[start].prefix { $0 == " " }.count
        let extra = indentation - first.prefix { $0 == " " }.count
        guard extra >= 0 else { return false }
        let padding = String(repeating: " ", count: extra)
        return zip(listing, file[start...]).allSatisfy { wanted, found in
            wanted.isEmpty ? found.isEmpty : found == padding + wanted
        }
    }
}

private func lines(of text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
}
