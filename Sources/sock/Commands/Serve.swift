import ArgumentParser
import Sockets

/// `sock serve echo PORT`: one of the classic services, on TCP and UDP together.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve one of the classic services, on TCP and UDP together.",
        usage: "sock serve [flags] echo|discard|daytime|time|chargen|sink [ADDR] PORT",
        discussion: """
            On loopback, unless ADDR says otherwise; * is every interface. Port 0 takes a free \
            one, which is told on standard error. All callers are served at once, by tasks on \
            a few threads; SIGINT and SIGTERM let them finish for a second.

            echo     sends back what comes             (RFC 862)
            discard  drops what comes                  (RFC 863)
            daytime  the time of day for people        (RFC 867)
            time     seconds since 1900, 32 bits       (RFC 868)
            chargen  characters without end            (RFC 864)
            sink     reads to the end, and answers how many bytes there were,
                     8 bytes little-endian
            """)

    @OptionGroup var family: FamilyOptions

    @Flag(name: .shortAndLong, help: "Tell on standard error what happens.")
    var verbose = false

    @Option(
        help: ArgumentHelp(
            "Threads that share the callers, 1 to 1024: one for each processor if not given.",
            valueName: "n"))
    var threads: String?

    @Argument(help: .hidden)
    var words: [String] = []

    func run() throws {
        let service = try service()
        let (host, port) = try place()
        let threads = try threadCount()
        Environment.raiseDescriptorLimit()
        let sockets = try ServiceSockets.open(
            host: host, port: port, family: try family.family())

        let server = ServerTask()
        // First: whoever reads that we listen may stop us at once.
        Signals.whenToldToStop { server.stop() }
        let isTold = verbose || port.number == 0 || StandardStreams.error.isTerminal
        try server.run(loops: threads) { [verbose] loops in
            let host = try ServiceHost(service, sockets, on: loops, isVerbose: verbose)
            for address in host.addresses {
                Report.listening(on: address, "\(service.rawValue), tcp and udp", if: isTold)
            }
            try await host.run()
        }
    }

    private func service() throws(UsageError) -> ClassicService {
        let known = ClassicService.allCases.map(\.rawValue).joined(separator: ", ")
        guard let name = words.first else {
            throw UsageError("which service? Give one of \(known), and a port; 0 takes a free one")
        }
        guard let service = ClassicService(rawValue: name) else {
            throw UsageError(
                "there is no service \(TerminalText.quoted(name)) to serve, only \(known)")
        }
        return service
    }

    private func place() throws(UsageError) -> (host: String?, port: Port) {
        switch words.count {
        case 2: return (nil, try Target.port(words[1]))
        case 3: return (words[1], try Target.port(words[2]))
        case 0, 1: throw UsageError("on which port? Give one, such as 7007; 0 takes a free one")
        default: throw UsageError("\(TerminalText.quoted(words[3])) is one word too many")
        }
    }

    private func threadCount() throws(UsageError) -> Int {
        guard let threads else { return Environment.processorCount }
        guard let number = Port.number(parsing: threads), (1...1024).contains(number) else {
            throw UsageError(
                "--threads wants a number from 1 to 1024, not \(TerminalText.quoted(threads))")
        }
        return Int(number)
    }
}
