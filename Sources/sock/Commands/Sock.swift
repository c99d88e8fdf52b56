import ArgumentParser

/// The program's verbs. Which one is meant has been found out before the parser sees the words.
struct Sock: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sock",
        abstract: "Talk over TCP, UDP and Unix sockets.",
        version: Program.version,
        subcommands: [
            Connect.self, Listen.self, Info.self, Serve.self, Resolve.self, Service.self, Tour.self,
        ])
}
