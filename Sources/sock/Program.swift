import Sockets

/// The main function of the program, which runs a command line and returns the exit status.
enum Program {
    static let version = "0.1.0"

    /// Runs a command line, which is given without the program's own name.
    static func run(_ words: [[UInt8]]) -> ExitStatus {
        do {
            try StandardStreams.fillGaps()
            Signals.prepare()
            switch try Arguments.parse(bytes: words) {
            case .run(let arguments):
                try arguments.subcommand.command?.init(arguments).run()
            case .help(let subcommand):
                try Console.write(HelpText.of(subcommand, width: StandardStreams.output.width))
            case .version:
                try Console.writeLine("sock \(version)")
            }
            return .success
        } catch {
            let failure = Failure(any: error).describing(words)
            if !failure.message.isEmpty { Log.failure(failure) }
            return failure.status
        }
    }

    /// Reports a failure and ends the program, for a thread that cannot throw the failure to `run`.
    static func exit(with failure: Failure) -> Never {
        Log.failure(failure)
        Termination.exit(failure.status)
    }
}
