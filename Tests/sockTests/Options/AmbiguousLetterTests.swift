import Testing

@testable import sock

@Suite(.ownThread)
struct AmbiguousLetterTests {
    @Test(
        "an ambiguous letter gives a two-line error of at most 80 columns",
        arguments: Array("xiodcmT"))
    func ambiguous(letter: Character) throws {
        let error = try #require(AmbiguousLetter.error(for: letter))
        #expect(error.message.hasPrefix("-\(letter) is ambiguous: "))
        #expect(error.hint?.isEmpty == false)
        let lines = Log.text(of: Failure(error)).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(Flag(letter: letter) == nil)
    }

    @Test("an ambiguous-letter error suggests only long options that exist")
    func namesThatExist() {
        for (_, instead) in AmbiguousLetter.table.values {
            for word in instead.split(whereSeparator: { " ,.()".contains($0) })
            where word.hasPrefix("--") {
                #expect(Flag(rawValue: String(word.dropFirst(2))) != nil, "\(word)")
            }
        }
    }

    @Test("an unambiguous letter gives no ambiguity error")
    func unambiguous() {
        #expect(AmbiguousLetter.error(for: "v") == nil)
    }
}
