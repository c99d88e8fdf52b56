import Testing

@Suite("SwiftCode")
struct SwiftCodeTests {
    @Test("comments and strings are not code, interpolations are")
    func commentsAndStringsAreNotCode() {
        let code = SwiftCode(
            ##"""
            let a = "text \(inner + "more \(deep)") text" // comment
            /* block /* nested */ still */ let b = #"raw \(no) \#(yes)"#
            """##)
        #expect(code.words.map(\.text) == ["let", "a", "inner", "deep", "let", "b", "yes"])
    }

    @Test("types at file level are found, nested and private ones are not")
    func typesAtFileLevelAreFound() {
        let code = SwiftCode(
            """
            public final class Outer { struct Inner {} }
            private struct Hidden {}
            fileprivate final class AlsoHidden {}
            enum Second {}
            extension Outer { enum Third {} }
            """)
        #expect(code.declaredTypes == ["Outer", "Second"])
    }

    @Test("imports are found with any access level and kind")
    func importsAreFound() {
        let code = SwiftCode("import A\npublic import B\n@_exported import C\nimport struct D.E\n")
        #expect(code.imports == ["A", "B", "C", "D"])
    }

    @Test("a word knows its line, its depth and what stands before it")
    func aWordKnowsItsPlace() throws {
        let code = SwiftCode("func f() {\n    error.errno\n}\n")
        let word = try #require(code.words.last)
        #expect(word == SwiftCode.Word(text: "errno", line: 2, depth: 1, precededBy: "."))
    }
}
