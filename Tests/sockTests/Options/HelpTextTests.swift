import Testing

@testable import sock

@Suite(.ownThread)
struct HelpTextTests {
    @Test("the help of sock has exactly the expected text")
    func root() {
        #expect(
            HelpText.of(nil) == """
                sock uses TCP, TLS, UDP and Unix sockets, and explains its errors.
                  sock [flags] HOST PORT            connect to HOST PORT, HOST:PORT or a URL
                  sock -l [flags] [ADDR] PORT       listen; port 0 picks a free port
                  sock info HOST SERVICE            connect step by step, and report each step
                  sock serve SERVICE [ADDR] PORT    echo, discard, daytime, time, chargen, sink
                  sock resolve NAME [SERVICE]       addresses, canonical name, reverse names
                  sock service NAME|PORT [tcp|udp]  getservbyname and getservbyport
                  sock doctor [PORT]                which sockets are stuck, and why
                  sock tour                         network programming, live on this machine

                  -4, --ipv4             IPv4 only
                  -6, --ipv6             IPv6 only
                  -l, --listen           wait for a client instead of connecting
                  -k, --keep-open        with -l: serve many clients at the same time
                  -u, --udp              use datagrams instead of a stream
                  -U, --unix             a Unix socket: PATH or @NAME instead of HOST PORT
                  -b, --broadcast        allow datagrams to a broadcast address
                  -n, --numeric          never query a name server
                  -p, --port PORT        local port; with -l, the port to listen on
                  -s, --source ADDR      local address
                  -w, --timeout TIME     connect limit (10 s) and idle limit: 3, .5, 500ms, 1h
                  -q, --quit-after TIME  exit this long after the end of input
                  -N, --shutdown         half-close as soon as the input ends, for scripts
                  -z, --zero             connect, send nothing, and close
                  -v, --verbose          report events on standard error
                  -h, --help             print this help or a command's help; see also --version
                  Also --ipv6-only, --datagram-size, --half-close-after, --no-shutdown,
                  --send-only, --tls, --starttls, --ca, --cert, --key, --insecure, --sni,
                  --alpn, --key-log, --pin, --status: see sock help connect.
                Exit status: 0 success, 1 other, 2 usage, 6 name, 7 refused, 23 output, 28
                timeout, 45 bind, 55 send, 56 receive or reset, 35 58 60 77 90 TLS.

                """)
    }

    @Test("the help of sock fits on 32 lines of 80 columns")
    func fits() {
        let lines = HelpText.of(nil).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 32)
        #expect(lines.allSatisfy { $0.count <= 80 })
    }

    @Test("the help of sock names every subcommand and every flag of connect and listen")
    func complete() {
        let help = HelpText.of(nil)
        for subcommand in Subcommand.allCases
        where ![.connect, .listen, .help].contains(subcommand) {
            #expect(help.contains("  sock \(subcommand.rawValue)"))
        }
        for flag in Subcommand.connect.flags + Subcommand.listen.flags + [.help, .version] {
            #expect(help.contains(flag.longName), "\(flag)")
        }
    }

    @Test(
        "the help of a subcommand shows its usage and exactly its flags",
        arguments: Subcommand.allCases)
    func subcommands(subcommand: Subcommand) {
        guard let command = subcommand.command else { return }
        let help = HelpText.of(subcommand)
        #expect(help.hasPrefix("Usage: \(command.usage[0])\n"))
        for flag in Flag.allCases {
            let isShown = help.contains(
                "  \(flag.row.letter.map { "-\($0), " } ?? "    ")--\(flag.rawValue)")
            #expect(isShown == subcommand.flags.contains(flag), "\(flag)")
        }
    }

    @Test(
        "no help line except usage is wider than the terminal", arguments: Subcommand.allCases,
        [60, 80, 120])
    func width(subcommand: Subcommand, columns: Int) {
        for line in HelpText.of(subcommand, width: columns).split(separator: "\n")
        where !line.hasPrefix("Usage: ") && !line.hasPrefix("       sock ") {
            #expect(line.count <= columns, "\(line)")
        }
    }
}
