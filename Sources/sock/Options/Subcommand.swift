/// The words that select a subcommand when they are the first word that is not a flag.
///
/// Any other word in that place is a host. To reach a host that has one of these names, the user
/// writes `sock connect NAME PORT`.
enum Subcommand: String, CaseIterable {
    case connect, listen, info, serve, resolve, service, doctor, tour, help

    /// Returns the subcommand that is most similar to a misspelled word, or nil if none is similar.
    static func similar(to word: String) -> Subcommand? {
        Spelling.nearest(to: word, in: allCases, name: \.rawValue)
    }

    /// The type that runs the subcommand; nil for `help`, which the parser handles.
    var command: (any Command.Type)? {
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

    /// The flags that the help of the subcommand lists.
    var flags: [Flag] { Flag.allCases.filter { $0.row.subcommands.contains(self) } }
}

/// A subcommand that parses its arguments and runs.
protocol Command {
    /// The forms of the command. The help of `sock` itself shows the first form.
    static var usage: [String] { get }
    /// A phrase for the help of `sock` itself, at most 43 characters long.
    static var summary: String { get }
    /// The description in the subcommand's own help, as paragraphs.
    static var details: String { get }
    /// The words that the subcommand's own help explains, such as the services of `serve`.
    static var terms: [(String, String)] { get }

    /// Parses the flags and operands.
    init(_ arguments: Arguments) throws

    /// Runs the command until it is done.
    func run() throws
}

extension Command {
    static var terms: [(String, String)] { [] }
}
