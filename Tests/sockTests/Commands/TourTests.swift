import Testing

@Suite(.ownThread)
struct TourTests {
    @Test("the tour prints all chapters in order in less than 10 s")
    func walks() throws {
        let start = ContinuousClock.now
        let outcome = try SockProgram.run("tour")
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
        #expect(start.duration(to: .now) < .seconds(10))
        let chapters = outcome.text.split(separator: "\n")
            .filter { $0.hasPrefix("Client ") || $0.hasPrefix("Server ") }
            .compactMap { $0.split(separator: "  ").first }
        #expect(
            chapters == [
                "Client 1", "Client 2", "Client 3", "Client 4", "Client 5", "Client 6", "Client 7",
                "Server 1–2", "Server 3", "Server 4", "Server 5",
            ])
    }

    @Test("tour prints no colour to a pipe")
    func plain() throws {
        #expect(try !SockProgram.run("tour").text.contains("\u{1B}"))
    }

    @Test("tour prints colour to a terminal unless NO_COLOR is set")
    func colour() throws {
        let script = "script -qec \"$SOCK tour\" /dev/null </dev/null"
        let coloured = try SockProgram.shell("env -u NO_COLOR " + script)
        #expect(coloured.text.contains("\u{1B}[1m"), "\(coloured)")
        #expect(try !SockProgram.shell("NO_COLOR=1 " + script).text.contains("\u{1B}[1m"))
    }
}
