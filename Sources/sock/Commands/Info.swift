import ArgumentParser
import Sockets

/// `sock info HOST SERVICE`: the tutorial's information client, which tells of every step.
struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connect step by step, and tell of each step.")

    @OptionGroup var addresses: AddressOptions

    @Flag(name: .shortAndLong, help: "UDP instead of TCP.")
    var udp = false

    @Flag(name: .shortAndLong, help: "Accepted: info always tells everything.")
    var verbose = false

    @Option(
        name: [.customShort("w"), .customLong("timeout")],
        help: "Limit for each attempt to connect: 3, 0.5, 30s, 500ms. Default 10.")
    var timeout: String?

    @Flag(help: "One JSON object instead of the steps.")
    var json = false

    @Argument(help: "HOST SERVICE: a name or address, and a service's name or a port.")
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
