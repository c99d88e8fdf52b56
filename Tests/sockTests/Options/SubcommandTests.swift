import Testing

@testable import sock

@Suite(.ownThread)
struct SubcommandTests {
    @Test("every subcommand except help has a command", arguments: Subcommand.allCases)
    func commands(subcommand: Subcommand) {
        #expect((subcommand.command == nil) == (subcommand == .help))
    }

    @Test(
        "a command's usage names it, and its summary fits on a line", arguments: Subcommand.allCases
    )
    func usage(subcommand: Subcommand) {
        guard let command = subcommand.command else { return }
        let name = subcommand == .connect ? "sock" : subcommand == .listen ? "sock -l" : nil
        #expect(command.usage[0].hasPrefix(name ?? "sock \(subcommand.rawValue)"))
        #expect(command.summary.count <= 44)
    }

    @Test("a subcommand lists the flags that the table gives it")
    func flags() {
        #expect(Subcommand.service.flags == [.json])
        #expect(Subcommand.serve.flags == [.ipv4, .ipv6, .threads, .verbose])
        #expect(Subcommand.tour.flags.isEmpty)
    }
}
