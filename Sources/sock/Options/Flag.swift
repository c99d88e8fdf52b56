/// The flags of all subcommands, in one table that the parser and the help use.
///
/// The raw value is the long name. The help lists the flags in the same order.
enum Flag: String, CaseIterable {
    case ipv4, ipv6
    case ipv6Only = "ipv6-only"
    case listen
    case keepOpen = "keep-open"
    case udp, unix, broadcast
    case datagramSize = "datagram-size"
    case numeric, port, source, timeout
    case quitAfter = "quit-after"
    case shutdown
    case halfCloseAfter = "half-close-after"
    case noShutdown = "no-shutdown"
    case zero
    case sendOnly = "send-only"
    case tls, starttls, ca, cert, key, insecure, sni, alpn
    case keyLog = "key-log"
    case pin
    case threads, pid, program, all, watch, json, verbose, status, help, version

    /// A row of the table of flags.
    struct Row {
        let letter: Character?
        /// The name of the value in the help, or nil if the flag has no value.
        let value: String?
        /// The subcommands that accept the flag.
        let subcommands: [Subcommand]
        let help: String
        /// The help for subcommands in which the flag has another meaning.
        let otherHelp: [Subcommand: String]

        init(
            _ letter: Character?, value: String? = nil, _ subcommands: [Subcommand],
            _ help: String, otherHelp: [Subcommand: String] = [:]
        ) {
            self.letter = letter
            self.value = value
            self.subcommands = subcommands
            self.help = help
            self.otherHelp = otherHelp
        }
    }

    var row: Row {
        switch self {
        case .ipv4: Row("4", [.connect, .listen, .info, .serve, .resolve], "IPv4 only")
        case .ipv6: Row("6", [.connect, .listen, .info, .serve, .resolve], "IPv6 only")
        case .ipv6Only: Row(nil, [.listen], "IPv6 only; a listener on :: refuses IPv4")
        case .listen: Row("l", [.listen], "wait for a client instead of connecting")
        case .keepOpen: Row("k", [.listen], "with -l: serve many clients at the same time")
        case .udp:
            Row(
                "u", [.connect, .listen, .info, .resolve], "use datagrams instead of a stream",
                otherHelp: [.resolve: "look up the service for UDP instead of TCP"])
        case .unix:
            Row("U", [.connect, .listen], "a Unix socket: PATH or @NAME instead of HOST PORT")
        case .broadcast: Row("b", [.connect, .listen], "allow datagrams to a broadcast address")
        case .datagramSize:
            Row(
                nil, value: "N", [.connect, .listen],
                "with -u: send at most N bytes as one datagram, 1 to 65527")
        case .numeric:
            Row("n", [.connect, .listen, .info, .resolve], "never query a name server")
        case .port:
            Row(
                "p", value: "PORT", [.connect, .listen],
                "local port; with -l, the port to listen on")
        case .source: Row("s", value: "ADDR", [.connect, .listen], "local address")
        case .timeout:
            Row(
                "w", value: "TIME", [.connect, .listen, .info, .resolve],
                "connect limit (10 s) and idle limit: 3, .5, 500ms, 1h",
                otherHelp: [
                    .info: "time limit for each attempt to connect (10 s): 3, .5, 500ms, 1h",
                    .resolve: "time limit for all lookups (10 s): 3, .5, 500ms, 1h",
                    .listen: "idle limit once a client has connected: 3, .5, 500ms, 1h",
                ])
        case .quitAfter:
            Row("q", value: "TIME", [.connect, .listen], "exit this long after the end of input")
        case .shutdown:
            Row("N", [.connect, .listen], "half-close as soon as the input ends, for scripts")
        case .halfCloseAfter:
            Row(
                nil, value: "TIME", [.connect, .listen],
                "half-close after this much silence (1s, or never if -w or -q is 1s or less)")
        case .noShutdown: Row(nil, [.connect, .listen], "never half-close")
        case .zero: Row("z", [.connect], "connect, send nothing, and close")
        case .sendOnly: Row(nil, [.connect], "discard replies, and do not wait for them")
        case .tls:
            Row(
                nil, [.connect, .listen, .info, .serve],
                "use TLS, and verify the server; also tls://HOST:PORT",
                otherHelp: [
                    .listen: "use TLS; without --cert, with a new self-signed certificate",
                    .serve: "use TLS; without --cert, with a new self-signed certificate",
                ])
        case .starttls:
            Row(
                nil, value: "PROTOCOL", [.connect, .info],
                "begin in plain text: smtp, imap, pop3, ftp or postgres")
        case .ca:
            Row(
                nil, value: "FILE", [.connect, .listen, .info, .serve],
                "trust only the issuers in this file (PEM)",
                otherHelp: [
                    .listen: "require a certificate that an issuer in this file has signed",
                    .serve: "require a certificate that an issuer in this file has signed",
                ])
        case .cert:
            Row(
                nil, value: "FILE", [.connect, .listen, .info, .serve],
                "own certificate, then those of its issuers (PEM)")
        case .key:
            Row(
                nil, value: "FILE", [.connect, .listen, .info, .serve],
                "own private key (PEM), unless --cert has it")
        case .insecure:
            Row(nil, [.connect, .info], "accept any certificate; anyone may be the server")
        case .sni:
            Row(
                nil, value: "NAME", [.connect, .info],
                "name of the server to request and to verify, instead of HOST")
        case .alpn:
            Row(
                nil, value: "LIST", [.connect, .listen, .info, .serve],
                "application protocols, such as h2,http/1.1")
        case .keyLog:
            Row(
                nil, value: "FILE", [.connect, .listen, .info, .serve],
                "append the secrets of TLS, with which Wireshark decrypts")
        case .pin:
            Row(
                nil, value: "sha256:HEX", [.connect, .info],
                "accept only the certificate with this fingerprint, from any issuer")
        case .threads:
            Row(
                nil, value: "N", [.serve],
                "number of threads for the clients, 1 to 1024 (default: one per processor)")
        case .pid: Row(nil, value: "PID", [.doctor], "only sockets of this process")
        case .program: Row(nil, value: "NAME", [.doctor], "only sockets of programs with this name")
        case .all: Row(nil, [.doctor], "list healthy connections too")
        case .watch: Row(nil, [.doctor], "repeat every 2 s until Ctrl-C")
        case .json:
            Row(nil, [.info, .resolve, .service, .doctor], "print one JSON object per line")
        case .verbose:
            Row("v", [.connect, .listen, .serve], "report events on standard error")
        case .status:
            Row(nil, [.connect, .listen], "report progress; SIGQUIT (Ctrl-\\) reports it once")
        case .help: Row("h", [], "print this help or a command's help; see also --version")
        case .version: Row(nil, [], "print the version")
        }
    }
}

extension Flag {
    init?(letter: Character) {
        guard let flag = Self.allCases.first(where: { $0.row.letter == letter }) else { return nil }
        self = flag
    }

    /// The flag as error messages show it: `-w`, or `--threads` if it has no letter.
    var name: String { row.letter.map { "-\($0)" } ?? longName }

    var longName: String { "--\(rawValue)" }

    /// Returns a Boolean value that indicates whether the subcommand accepts the flag.
    ///
    /// Every subcommand accepts `-v`, even if it has nothing to report.
    func isAccepted(by subcommand: Subcommand) -> Bool {
        self == .verbose || row.subcommands.contains(subcommand)
    }
}
