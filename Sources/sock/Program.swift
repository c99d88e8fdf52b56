import ArgumentParser
import Sockets

/// The program from the command line to the exit status.
enum Program {
    static let version = "0.1.0"

    /// Runs the words of a command line, without the program's own name.
    static func run(_ words: [String]) -> ExitStatus {
        StandardStreams.fillGaps()
        do {
            switch try ArgumentNormalizer.normalize(words) {
            case .run(let words): try run(normalized: words)
            case .help(let verb): try Answer.write(HelpText.of(verb))
            case .version: try Answer.write("sock \(version)\n")
            }
            return .success
        } catch {
            let failure = failure(error)
            Report.failure(failure)
            return failure.status
        }
    }

    private static func run(normalized words: [String]) throws {
        // The verb's own parser, rather than the root's: that would build those of all verbs first,
        // which takes longer than connecting.
        guard let verb = words.first.flatMap(Verb.init), let parser = verb.parser else { return }
        var command: any ParsableCommand
        do {
            command = try parser.parseAsRoot(Array(words.dropFirst()))
        } catch {
            // What the parser says after its first line is usage, which --help shows better.
            let message = parser.message(for: error).prefix { $0 != "\n" }
            throw UsageError(String(message).withLowercasedFirst)
        }
        try command.run()
    }

    /// Ends the program from whichever thread finds that it cannot go on.
    static func end(with failure: Failure) -> Never {
        Report.failure(failure)
        Environment.exit(failure.status)
    }

    private static func failure(_ error: any Error) -> Failure {
        switch error {
        case let error as Failure: error
        case let error as UsageError: Failure(error)
        case let error as SocketError: Failure(error)
        default: Failure(.otherFailure, "\(error)")
        }
    }
}
