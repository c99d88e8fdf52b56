import ArgumentParser

/// The program's verbs. Which one is meant has been found out before a parser sees the words.
struct Sock: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sock",
        abstract: "Talk over TCP, UDP and Unix sockets.",
        version: Program.version,
        subcommands: Verb.allCases.compactMap(\.parser))
}

extension Verb {
    /// What reads the verb's flags and operands, and runs it; nil for `help`, which is no command.
    var parser: (any ParsableCommand.Type)? {
        switch self {
        case .connect: Connect.self
        case .listen: Listen.self
        case .info: Info.self
        case .serve: Serve.self
        case .resolve: Resolve.self
        case .service: Service.self
        case .doctor: Doctor.self
        case .tour: Tour.self
        case .help: nil
        }
    }
}
