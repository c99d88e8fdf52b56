/// The words that may stand in the place of a host and say what to do.
enum Verb: String, CaseIterable {
    case connect, listen, info, serve, resolve, service, doctor, tour, help

    /// Verbs that are promised but not there: said so, rather than taken for a host's name.
    static let promised: Set<String> = [
        "scan", "wait", "relay", "send", "recv", "ping", "bench", "chat", "proxy",
        "completions",
    ]
}

extension Verb {
    /// The flags that mean something to the verb, by their long names; every verb knows `help` and
    /// `version`.
    var flags: Set<String> {
        switch self {
        case .connect:
            [
                "ipv4", "ipv6", "udp", "unix", "numeric", "port", "source", "verbose", "timeout",
                "zero", "shutdown", "quit-after", "send-only", "status",
            ]
        case .listen:
            [
                "ipv4", "ipv6", "listen", "keep-open", "udp", "unix", "numeric", "port", "source",
                "verbose", "timeout", "shutdown", "quit-after", "status",
            ]
        case .info: ["ipv4", "ipv6", "udp", "numeric", "timeout", "json"]
        case .serve: ["ipv4", "ipv6", "verbose", "threads"]
        case .resolve: ["ipv4", "ipv6", "udp", "numeric", "json"]
        case .service: ["json"]
        case .doctor: ["pid", "program", "all", "watch", "json"]
        case .tour, .help: []
        }
    }

    /// The verb that a flag belongs to, for somebody who gave it to another.
    static func owner(of flag: String) -> Verb? {
        allCases.first { $0.flags.contains(flag) }
    }
}
