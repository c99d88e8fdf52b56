/// The search for the known name that is most similar to a misspelled word.
enum Spelling {
    /// Returns the only candidate whose name begins with `word`, or else the nearest candidate, if
    /// it differs in at most two edits.
    static func nearest<Candidate>(
        to word: String, in candidates: [Candidate], name: (Candidate) -> String
    ) -> Candidate? {
        guard word.count > 1 else { return nil }
        let completions = candidates.filter { name($0).hasPrefix(word) }
        if completions.count == 1 { return completions[0] }
        let distances = candidates.map { ($0, distance(word, name($0))) }
        return distances.filter { $0.1 <= min(2, word.count / 3) }.min { $0.1 < $1.1 }?.0
    }

    /// Returns how many characters have to be inserted, removed or replaced (the Levenshtein
    /// distance).
    private static func distance(_ one: String, _ other: String) -> Int {
        var row = Array(0...other.count)
        for (index, character) in one.prefix(64).enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, candidate) in other.enumerated() {
                let replacing = diagonal + (character == candidate ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replacing, diagonal + 1, row[column] + 1)
            }
        }
        return row[other.count]
    }
}
