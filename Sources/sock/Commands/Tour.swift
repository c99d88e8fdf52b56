import Sockets

/// The command `sock tour`, which runs the tutorial of network programming, chapter by chapter.
struct Tour: Command {
    static let usage = ["sock tour"]
    static let summary = "network programming, live on this machine"
    static let details = """
        Each chapter explains one thing, shows the lines of Swift that do it, runs them, and prints \
        what they returned. Nothing leaves the machine. The tour takes about three seconds.
        """

    init(_ arguments: Arguments) throws(UsageError) {
        try arguments.requireOperands(atMost: 0)
    }

    func run() throws {
        let printer = TourPrinter()
        let servers = try TourServers.start()
        defer { servers.stop() }

        try printer.title("Network programming, live: eleven steps from a socket to a deadlock")
        try ClientChapters.descriptors(printer)
        try ClientChapters.families(printer)
        try ClientChapters.names(printer, servers)
        try ClientChapters.addresses(printer, servers)
        try ClientChapters.streams(printer, servers)
        try ErrorChapter.classes(printer)
        try ClientChapters.datagrams(printer, servers)
        try ServerChapters.binding(printer)
        try ServerChapters.accepting(printer)
        try ServerChapters.datagrams(printer)
        try DeadlockChapter.deadlock(printer)

        try printer.chapter("And now", "the same from the shell")
        try printer.code(
            """
            sock serve echo 7007          # in one window
            sock localhost 7007           # in another window: type a line, and it comes back
            sock info localhost 7007      # every step of connecting
            sock --help
            """)
    }
}
