import ArgumentParser
import Sockets

/// `sock info HOST SERVICE`: the tutorial's information client, which tells of every step.
struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect step by step, and tell of each step.",
        usage: "sock info [flags] HOST SERVICE",
        discussion: """
            The tutorial's information client: it creates a socket, looks up the port of the \
            service, tries the host's addresses one after the other, and shows both ends.
            """)

    @OptionGroup var addresses: AddressOptions

    @Flag(name: .shortAndLong, help: "UDP instead of TCP.")
    var udp = false

    @Option(
        name: [.customShort("w"), .customLong("timeout")],
        help: ArgumentHelp(
            "Limit for each attempt to connect (10 s): 3, 0.5, 30s, 500ms.", valueName: "time"))
    var timeout: String?

    @Flag(help: "One JSON object instead of the steps.")
    var json = false

    @Argument(help: .hidden)
    var words: [String] = []

    func run() throws {
        Signals.exitWhenInterrupted()
        let endpoint = try endpoint()
        var walk = ConnectWalk(
            endpoint: endpoint, family: try addresses.family(), isNumeric: addresses.numeric,
            limit: try limit(), tells: !json)
        do {
            try walk.run()
        } catch let error as SocketError {
            // The attempts that failed are an answer too.
            if json, !walk.attempts.isEmpty { try Answer.write(walk.json.text + "\n") }
            throw error
        }
        if json { try Answer.write(walk.json.text + "\n") }
    }

    private func endpoint() throws(UsageError) -> Endpoint {
        guard (1...2).contains(words.count) else {
            throw UsageError("expected HOST SERVICE, such as: sock info localhost daytime")
        }
        let endpoint = try Target.toConnect(words, udp: udp, unix: false)
        guard !endpoint.transport.isUnix else {
            throw UsageError("info looks up services and addresses, which Unix sockets do not have")
        }
        return endpoint
    }

    private func limit() throws(UsageError) -> Duration {
        guard let timeout else { return .seconds(10) }
        let limit = try TimeSpan.parse(timeout, of: "-w")
        guard limit > .zero else { throw UsageError("-w wants a time above zero") }
        return limit
    }
}
