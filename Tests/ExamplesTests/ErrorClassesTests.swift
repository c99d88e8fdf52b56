import Testing

@Suite("ErrorClasses", .ownThread)
struct ErrorClassesTests {
    @Test("the program provokes all four error classes without a network")
    func provokesAllErrorClasses() throws {
        let lines = try Program("ErrorClasses").remainingLines()
        #expect(
            lines.map { $0.replacing(/127\.0\.0\.1:\d+/, with: "127.0.0.1:PORT") } == [
                "System error 111 (socket.error)",
                "    cannot connect to 127.0.0.1:PORT: connection refused",
                "Name resolution (socket.gaierror)",
                "    cannot resolve www.example.com: name or service not known",
                "Host lookup (socket.herror), no address associated with this name",
                "    cannot look up host 127.0.0.1: no address associated with this name",
                "Timeout (socket.timeout)",
                "    cannot accept a connection on 127.0.0.1:PORT: timed out after 50 ms",
            ])
    }
}
