import ArgumentParser
import Sockets

/// `sock doctor`: which sockets of this machine are stuck, and why.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Which sockets of this machine are stuck, and why.",
        usage: "sock doctor [flags] [PORT]",
        discussion: """
            Looks at every TCP and Unix stream socket, or at those with the port, of the process \
            and of the program that are given. Prints what is stuck, the worst first: both ends, \
            who waits for whom, for how long, and what to do. It takes about half a second, and \
            changes nothing. Root sees the programs of all users.

            Exit status: 0 nothing is stuck, 1 something is, 2 usage, 3 no such port, process \
            or program, 4 could not look.
            """)

    @Option(name: .long, help: ArgumentHelp("Only sockets of this process.", valueName: "pid"))
    var pid: String?

    @Option(
        name: .long, help: ArgumentHelp("Only sockets of programs called so.", valueName: "name"))
    var program: String?

    @Flag(help: "Healthy connections too.")
    var all = false

    @Flag(help: "Look again every two seconds; Ctrl-C ends it.")
    var watch = false

    @Flag(help: "One JSON object for each connection, or circle.")
    var json = false

    @Argument(help: .hidden)
    var words: [String] = []

    func run() throws {
        let question = try DoctorQuestion(words: words, process: pid, program: program)
        let round = DoctorRound(question, showsAll: all, isJSON: json)
        guard watch else {
            let status = try round.make()
            if status != .success { Environment.exit(status) }
            return
        }
        Signals.exitWhenInterrupted()
        try round.repeatForEver()
    }
}
