/// The first words of a command line that are not a host.
///
/// Any other first word is a host, so a host with one of these names is reached by
/// `sock connect NAME PORT`.
enum Subcommand: String, CaseIterable {
    case connect, listen, info, serve, resolve, service, doctor, tour, help

    /// The type that runs the subcommand; nil for `help`, which the parser answers.
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

/// What one subcommand does with its arguments.
protocol Command {
    /// The ways to write the command; the help of `sock` itself shows the first.
    static var usage: [String] { get }
    /// A phrase for the help of `sock` itself, at most 43 characters long.
    static var summary: String { get }
    /// The description in the subcommand's own help, as paragraphs.
    static var details: String { get }
    /// Words that the subcommand's own help explains, such as the services of `serve`.
    static var terms: [(String, String)] { get }

    /// Reads flags and operands.
    init(_ arguments: Arguments) throws

    /// Runs the command until it is done.
    func run() throws
}

extension Command {
    static var terms: [(String, String)] { [] }
}
