import ArgumentParser
import Sockets

/// Which family is wanted.
struct FamilyOptions: ParsableArguments {
    @Flag(name: [.customShort("4"), .customLong("ipv4")], help: "IPv4 only.")
    var ipv4 = false

    @Flag(name: [.customShort("6"), .customLong("ipv6")], help: "IPv6 only.")
    var ipv6 = false

    /// nil is both.
    func family() throws(UsageError) -> AddressFamily? {
        if ipv4, ipv6 { throw UsageError("-4 and -6 exclude each other") }
        return ipv4 ? .ipv4 : ipv6 ? .ipv6 : nil
    }
}

/// Which of a name's addresses are wanted.
struct AddressOptions: ParsableArguments {
    @OptionGroup var families: FamilyOptions

    @Flag(name: .shortAndLong, help: "Numeric addresses only: ask no name server.")
    var numeric = false

    /// nil is both.
    func family() throws(UsageError) -> AddressFamily? { try families.family() }
}

/// What connecting and listening have in common.
struct TransportOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "UDP, or with -U datagrams, instead of a stream.")
    var udp = false

    @Flag(name: [.customShort("U"), .customLong("unix")], help: "A Unix socket: PATH, or @NAME.")
    var unix = false

    @Option(name: .shortAndLong, help: "Our own port; with -l the port to listen on.")
    var port: String?

    @Option(
        name: .shortAndLong, help: ArgumentHelp("Our own address.", valueName: "addr"))
    var source: String?

    @Flag(name: .shortAndLong, help: "Tell on standard error what happens.")
    var verbose = false

    @Flag(help: "Tell how it goes, every second on a terminal and else every 10 s.")
    var status = false
}

/// When enough is enough.
struct LimitOptions: ParsableArguments {
    @Option(
        name: [.customShort("w"), .customLong("timeout")],
        help: ArgumentHelp(
            "Limit for connecting (10 s), and then for silence (none): 3, 0.5, 30s, 500ms.",
            valueName: "time"))
    var timeout: String?

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("End this long after the end of input.", valueName: "time"))
    var quitAfter: String?

    @Flag(
        name: [.customShort("N"), .customLong("shutdown")],
        help: "Half-close at the end of input: the default, accepted for nc's sake.")
    var shutdown = false

    /// The value of `-w`; nil is the default of each thing that it limits.
    func limit() throws(UsageError) -> Duration? {
        guard let timeout else { return nil }
        let limit = try TimeSpan.parse(timeout, of: "-w")
        guard limit > .zero else {
            throw UsageError("-w wants a time above zero; without -w there is no limit of silence")
        }
        return limit
    }

    /// The value of `-q`; nil is to wait for the peer's end.
    func quit() throws(UsageError) -> Duration? {
        guard let quitAfter else { return nil }
        if quitAfter.hasPrefix("-") {
            throw UsageError(
                "-q wants a time such as 0 or 2s, not \(TerminalText.quoted(quitAfter));"
                    + " to wait for ever, leave -q out")
        }
        return try TimeSpan.parse(quitAfter, of: "-q")
    }
}
