import Testing

@testable import sock

@Suite(.ownThread)
struct ForeignFlagTests {
    @Test(
        "an option of another netcat gives a two-line error of at most 80 columns",
        arguments: ForeignFlag.table.flatMap(\.flags))
    func foreign(flag: String) throws {
        let error = try #require(ForeignFlag.error(for: flag))
        #expect(error.message.hasPrefix("there is no \(flag): "))
        let lines = Log.text(of: Failure(error)).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(throws: error) { try Arguments.parse([flag, "x", "1"]) }
    }

    @Test("ForeignFlag.error is nil for an option of sock and for an unknown option")
    func others() {
        for flag in Flag.allCases {
            #expect(ForeignFlag.error(for: flag.longName) == nil)
            if let letter = flag.row.letter { #expect(ForeignFlag.error(for: "-\(letter)") == nil) }
        }
        #expect(ForeignFlag.error(for: "--unknown") == nil)
    }
}
