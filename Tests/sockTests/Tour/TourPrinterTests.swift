import Testing

@Suite(.ownThread)
struct TourPrinterTests {
    @Test("no line of the tour is wider than the terminal", arguments: [60, 80, 120])
    func width(columns: Int) throws {
        let text = try SockProgram.shell("COLUMNS=\(columns) \"$SOCK\" tour").text
        for line in text.split(separator: "\n") { #expect(line.count <= columns, "\(line)") }
        #expect(text.split(separator: "\n").contains { $0.count > columns - 12 })
    }

    @Test("the tour prints a multi-line error without escapes")
    func errors() throws {
        #expect(try !SockProgram.run("tour").text.contains("\\x"))
    }
}
