import Testing

@testable import sock

@Suite(.ownThread)
struct HelpTextTests {
    @Test("the root help is this")
    func root() {
        #expect(
            HelpText.of(nil) == """
                sock talks over TCP, UDP and Unix sockets, and says why when it cannot.

                  sock [flags] HOST PORT             connect; or HOST:PORT, tcp:// udp:// unix:
                  sock -l [flags] [ADDR] PORT        listen; port 0 takes a free one
                  sock info HOST SERVICE             connect step by step, and tell of each step
                  sock serve SERVICE [ADDR] PORT     echo discard daytime time chargen sink
                  sock resolve NAME [SERVICE]        addresses, canonical name, reverse names
                  sock service NAME|PORT [tcp|udp]   getservbyname and getservbyport
                  sock doctor [PORT]                 which sockets are stuck, and why
                  sock tour                          network programming, live on this machine

                  -4, -6               IPv4 only, IPv6 only
                  -l, --listen         wait for a caller instead of calling
                  -k, --keep-open      with -l: for many callers, at once and one after another
                  -u, --udp            datagrams instead of a stream
                  -U, --unix           a Unix socket: PATH or @NAME, no host and port
                  -n, --numeric        ask no name server
                  -p, --port PORT      our own port; with -l the port to listen on
                  -s, --source ADDR    our own address
                  -w, --timeout TIME   limit for connecting and for silence: 3, 30s, 500ms
                  -q, --quit-after TIME  enough this long after the end of input
                  -N, --shutdown       half-close at the end of input, which is the default
                  -z, --zero           connect, send nothing, close
                      --send-only      receive nothing, and wait for no answer
                  -v, --verbose        tell what happens
                      --status         how it goes, every second; SIGQUIT (Ctrl-\\) asks once
                  -h, --help           this, or with a verb more about it; also --version

                Exit status: 0 ok, 1 other, 2 usage, 6 name not found, 7 refused, 23 output,
                28 time-out, 45 cannot bind, 55 send, 56 receive or reset, 130 interrupted.
                A host that is called like a verb is reached by: sock connect info 80

                """)
    }

    @Test("the root help fits on one screen")
    func fits() {
        let lines = HelpText.root.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 32)
        #expect(lines.allSatisfy { $0.count <= 80 })
    }

    @Test("the root help names every verb and every flag of connect and listen")
    func complete() {
        for verb in Verb.allCases where verb != .connect && verb != .listen && verb != .help {
            #expect(HelpText.root.contains("  sock \(verb.rawValue)"))
        }
        for flag in CommandFlag.all
        where Verb.connect.flags.union(Verb.listen.flags).contains(flag.long) {
            let names = flag.long.hasPrefix("ipv") ? flag.name : "--\(flag.long)"
            #expect(HelpText.root.contains(names), "\(names)")
        }
    }

    @Test("a verb's help has its usage, and no line is too wide", arguments: Verb.allCases)
    func verbs(verb: Verb) {
        let help = HelpText.of(verb)
        #expect(help.contains("sock"))
        #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
}
