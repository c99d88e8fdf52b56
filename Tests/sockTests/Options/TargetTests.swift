import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct TargetTests {
    private func connect(_ words: String..., udp: Bool = false, unix: Bool = false) throws
        -> Endpoint
    {
        try Target.toConnect(words, udp: udp, unix: unix)
    }

    private func listen(
        _ words: String..., port: String? = nil, source: String? = nil, udp: Bool = false,
        unix: Bool = false
    ) throws -> Endpoint {
        try Target.toListen(words, port: port, source: source, udp: udp, unix: unix)
    }

    @Test("a target may be two words, HOST:PORT or a URL")
    func shapes() throws {
        let expected = Endpoint.tcp("h", port: 80)
        #expect(try connect("h", "80") == expected)
        #expect(try connect("h:80") == expected)
        #expect(try connect("tcp://h:80") == expected)
        #expect(try connect("h", "http") == .tcp("h", port: "http"))
    }

    @Test("an IPv6 address may have brackets, and must have brackets before :PORT")
    func brackets() throws {
        #expect(try connect("::1", "80") == .tcp("::1", port: 80))
        #expect(try connect("[::1]", "80") == .tcp("::1", port: 80))
        #expect(try connect("[::1]:80") == .tcp("::1", port: 80))
        #expect(throws: UsageError.self) { try connect("[h]", "80") }
    }

    @Test("-u and udp:// select UDP, and -u with tcp:// throws")
    func datagrams() throws {
        #expect(try connect("h", "53", udp: true) == .udp("h", port: 53))
        #expect(try connect("udp://h:53") == .udp("h", port: 53))
        #expect(try connect("h:53", udp: true) == .udp("h", port: 53))
        #expect(throws: UsageError("-u means UDP, but 'tcp://h:53' means TCP")) {
            try connect("tcp://h:53", udp: true)
        }
    }

    @Test("tls:// selects TCP, in any case, and contradicts -u and a second port")
    func tls() throws {
        #expect(try connect("tls://h:443") == .tcp("h", port: 443))
        #expect(try connect("TLS://[::1]:https") == .tcp("::1", port: "https"))
        #expect(try listen("tls://127.0.0.1:8443") == .tcp("127.0.0.1", port: 8443))
        #expect(throws: UsageError("-u means UDP, but 'tls://h:1' means TLS over TCP")) {
            try connect("tls://h:1", udp: true)
        }
        let second = #expect(throws: UsageError.self) { try connect("tls://h:1", "2") }
        #expect(second?.message.hasPrefix("'tls://h:1' already has a port") == true)
        let invalid = #expect(throws: UsageError.self) { try connect("tls://h:99999") }
        #expect(invalid?.message.contains("'tls://h:99999'") == true)
        #expect(throws: UsageError.self) { try connect("tls://udp://h:1") }
    }

    @Test("-U and unix: accept a path and reject a port")
    func paths() throws {
        #expect(try connect("/s", unix: true) == .unix("/s"))
        #expect(try connect("@s", udp: true, unix: true) == .unixDatagram("@s"))
        #expect(try connect("unix:/s") == .unix("/s"))
        #expect(try connect("unix:/s", udp: true) == .unixDatagram("/s"))
        #expect(throws: UsageError.self) { try connect("/s", "80", unix: true) }
        #expect(throws: UsageError.self) { try connect("unixpacket:/s") }
    }

    @Test(
        "an invalid port throws a usage error",
        arguments: ["65536", "-1", "+80", "80x", "0x50", "٨٠", "", " 80"])
    func ports(text: String) {
        #expect(throws: UsageError.self) { try connect("h", text) }
        #expect(throws: UsageError.self) { try listen(text) }
        #expect(throws: UsageError.self) { try listen(port: text) }
        #expect(throws: UsageError.self) { try listen("127.0.0.1", text) }
    }

    @Test("too few or too many words throw a usage error")
    func counts() {
        #expect(throws: UsageError.self) { try connect() }
        #expect(throws: UsageError.self) { try connect("h") }
        #expect(throws: UsageError.self) { try connect("h", "1", "2") }
        #expect(throws: UsageError.self) { try connect("", "1") }
        #expect(throws: UsageError.self) { try listen() }
        #expect(throws: UsageError.self) { try listen("h", "1", "2") }
        #expect(throws: UsageError.self) { try listen("1", port: "2", source: "::1") }
    }

    @Test("a second port, and a port or an address for a Unix socket, throw a usage error")
    func contradictions() {
        for call in [{ try connect("localhost:80", "90") }, { try listen("localhost:80", "90") }] {
            let error = #expect(throws: UsageError.self) { try call() }
            #expect(error?.message.contains("already has a port") == true)
        }
        for (port, source) in [("80", nil), (nil, "127.0.0.1")] {
            #expect(throws: UsageError(Target.portOfUnix)) {
                try listen("/s", port: port, source: source, unix: true)
            }
        }
    }

    @Test("a backslash in a Unix path is not an escape")
    func backslashes() throws {
        #expect(try connect(#"unix:u\x41"#) == .unix(#"u\x41"#))
        #expect(try listen(#"unix:u\x41"#) == .unix(#"u\x41"#))
        #expect(
            try Target.toConnect(
                [#"unix:u\xff"#], udp: false, unix: false, escaped: [#"unix:u\xff"#])
                == Endpoint(.unix, pathBytes: [117, 255]))
    }

    @Test("listen accepts a port alone, after an address, and as the value of -p")
    func listening() throws {
        #expect(try listen("80") == .tcp(port: 80))
        #expect(try listen("127.0.0.1", "80") == .tcp("127.0.0.1", port: 80))
        #expect(try listen("127.0.0.1:80") == .tcp("127.0.0.1", port: 80))
        #expect(try listen(":80") == .tcp(port: 80))
        #expect(try listen("*", "80") == .tcp(port: 80))
        #expect(try listen(port: "80") == .tcp(port: 80))
        #expect(try listen("127.0.0.1", port: "80") == .tcp("127.0.0.1", port: 80))
        #expect(try listen("80", source: "::1") == .tcp("::1", port: 80))
        #expect(try listen(port: "80", source: "::1", udp: true) == .udp("::1", port: 80))
        #expect(try listen("/s", unix: true) == .unix("/s"))
    }

    @Test("a misspelled command with arguments throws a usage error that names the command")
    func misspelled() {
        #expect(throws: UsageError("there is no command 'servce'; did you mean sock serve?")) {
            try connect("servce", "echo", "80")
        }
        #expect(throws: UsageError("there is no command 'conect'; did you mean sock connect?")) {
            try connect("conect", "localhost", "80")
        }
    }

    @Test("a second port after -p throws a usage error that names both ports")
    func twoPorts() {
        #expect(throws: UsageError("-p '8080' and '8081' are two ports: give only one")) {
            try listen("localhost", "8081", port: "8080")
        }
    }

    @Test("isDatagram is true only for UDP and Unix datagram endpoints")
    func kinds() {
        #expect(Endpoint.udp("h", port: 1).isDatagram)
        #expect(Endpoint.unixDatagram("/s").isDatagram)
        #expect(!Endpoint.tcp("h", port: 1).isDatagram)
        #expect(!Endpoint.unix("/s").isDatagram)
    }
}
