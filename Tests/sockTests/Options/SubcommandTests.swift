import Testing

@testable import sock

@Suite(.ownThread)
struct SubcommandTests {
    @Test("every subcommand except help has a command", arguments: Subcommand.allCases)
    func commands(subcommand: Subcommand) {
        #expect((subcommand.command == nil) == (subcommand == .help))
    }

    @Test(
        "the usage of a command names the command, and the summary fits on one line",
        arguments: Subcommand.allCases
    )
    func usage(subcommand: Subcommand) {
        guard let command = subcommand.command else { return }
        let name = subcommand == .connect ? "sock" : subcommand == .listen ? "sock -l" : nil
        #expect(command.usage[0].hasPrefix(name ?? "sock \(subcommand.rawValue)"))
        #expect(command.summary.count <= 44)
    }

    @Test("Subcommand.flags lists the flags that the subcommand accepts")
    func flags() {
        #expect(Subcommand.service.flags == [.json])
        #expect(
            Subcommand.serve.flags == [
                .ipv4, .ipv6, .tls, .ca, .cert, .key, .alpn, .keyLog, .threads, .verbose,
            ])
        #expect(Subcommand.tour.flags.isEmpty)
    }
}
