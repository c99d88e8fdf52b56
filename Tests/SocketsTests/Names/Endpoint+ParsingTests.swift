import Testing

@testable import Sockets

@Suite("Endpoint parsing", .ownThread)
struct EndpointParsingTests {
    private static let accepted: [(String, Endpoint)] = [
        ("www.example.com:80", .tcp("www.example.com", port: 80)),
        ("localhost:http", .tcp("localhost", port: "http")),
        ("127.0.0.1:0", .tcp("127.0.0.1", port: 0)),
        ("[::1]:80", .tcp("::1", port: 80)),
        ("[fe80::1%eth0]:http", .tcp("fe80::1%eth0", port: "http")),
        ("[::ffff:1.2.3.4]:80", .tcp("::ffff:1.2.3.4", port: 80)),
        (":80", .tcp(port: 80)),
        (":http", .tcp(port: "http")),
        ("h.:80", .tcp("h.", port: 80)),
        ("tcp://h:80", .tcp("h", port: 80)),
        ("TCP://h:80", .tcp("h", port: 80)),
        ("tcp://:80", .tcp(port: 80)),
        ("udp://h:domain", .udp("h", port: "domain")),
        ("udp://[::1]:53", .udp("::1", port: 53)),
        ("udp://:53", .udp(port: 53)),
        ("tcp:80", .tcp("tcp", port: 80)),
        ("tcp://unix:80", .tcp("unix", port: 80)),
        ("unix:/run/app.sock", .unix("/run/app.sock")),
        ("unix:///run/app.sock", .unix("/run/app.sock")),
        ("unix:app.sock", .unix("app.sock")),
        ("unix:80", .unix("80")),
        ("unix:@name", .unix("@name")),
        ("unix:/a b:c", .unix("/a b:c")),
        ("unix:/größe", .unix("/größe")),
        ("unix:/a\\x0ab", .unix("/a\nb")),
        ("unix:\\x40name", .unix("./@name")),
        ("unix:////a", .unix("//a")),
        ("unixgram:/dev/log", .unixDatagram("/dev/log")),
        ("unixgram:///dev/log", .unixDatagram("/dev/log")),
        ("unixpacket:@name", .unixSequencedPacket("@name")),
    ]

    @Test("every accepted text form of an endpoint parses", arguments: accepted)
    func everyFormParses(text: String, endpoint: Endpoint) throws {
        #expect(try Endpoint(parsing: text) == endpoint)
    }

    @Test("an endpoint round-trips through its description", arguments: accepted.map(\.1))
    func endpointsRoundTrip(endpoint: Endpoint) throws {
        #expect(try Endpoint(parsing: endpoint.description) == endpoint)
    }

    @Test("a scheme in the text overrides the transport argument")
    func schemeOverridesTransport() throws {
        #expect(try Endpoint(parsing: "h:53", transport: .udp) == .udp("h", port: 53))
        #expect(try Endpoint(parsing: "tcp://h:53", transport: .udp) == .tcp("h", port: 53))
        #expect(try Endpoint(parsing: "unix:/a", transport: .unixDatagram) == .unix("/a"))
    }

    @Test("a path without a scheme parses if the transport is a Unix transport")
    func pathWithoutScheme() throws {
        #expect(try Endpoint(parsing: "/run/app.sock", transport: .unix) == .unix("/run/app.sock"))
        #expect(try Endpoint(parsing: "@name", transport: .unixDatagram) == .unixDatagram("@name"))
        #expect(
            try Endpoint(parsing: "a", transport: .unixSequencedPacket) == .unixSequencedPacket("a")
        )
        #expect(throws: SocketError.self) { try Endpoint(parsing: "", transport: .unix) }
    }

    @Test(
        "text that is not an endpoint is rejected with an error that quotes the text")
    func otherTextIsRejected() {
        for text in HostileInput.endpoints {
            let error = #expect(throws: SocketError.self) { try Endpoint(parsing: text) }
            guard let error else { continue }
            #expect(error.operation == .parse)
            #expect(
                error.description.hasPrefix("cannot parse endpoint \(TerminalText.quoted(text)): "))
            #expect(error.description.unicodeScalars.allSatisfy(TerminalText.isSafe))
            #expect(error.description.utf8.count < 600)
        }
    }

    @Test(
        "the error of parsing an endpoint says which form was expected",
        arguments: [
            (
                "h:80x",
                "'80x' is not a port: expected 0 to 65535 in digits, or a service name"
            ),
            ("localhost", "expected HOST:PORT, [IPV6]:PORT or unix:PATH"),
            ("::1:80", "an IPv6 address needs brackets, as in [::1]:80"),
            ("[::g]:80", "'::g' is not an IPv6 address"),
            (
                "127.1:80",
                "'127.1' is not a host: expected four numbers from 0 to 255, as in 192.0.2.7"
            ),
            ("http://h:80", "'http' is not one of tcp, udp, unix, unixgram, unixpacket"),
            ("unix://h/a", "expected a path after unix://"),
            (
                "unix:",
                "expected a path, or @ and an abstract name, of 1 to 107 bytes without NUL"
            ),
        ])
    func theErrorSaysWhatWasExpected(text: String, reason: String) throws {
        let error = try #require(throws: SocketError.self) { try Endpoint(parsing: text) }
        #expect(
            error.description == "cannot parse endpoint \(TerminalText.quoted(text)): \(reason)")
    }

    @Test("a path of bytes that are not UTF-8 is parsed, resolved and printed unchanged")
    func pathsNeedNotBeUTF8() throws {
        let endpoint = try Endpoint(parsing: "unix:/bad\\xff")
        #expect(endpoint.description == "unix:/bad\\xff")
        #expect(endpoint.path == "/bad\u{FFFD}")
        let address = try #require(UnixAddress(pathBytes: Array("/bad".utf8) + [0xFF]))
        #expect(try Resolver.resolve(endpoint) == [.unix(address)])
    }

    @Test("every mutated text that parses as an endpoint round-trips through its description")
    func acceptedTextRoundTrips() {
        let seeds = Self.accepted.map(\.0) + HostileInput.endpoints.filter { $0.utf8.count < 1000 }
        var texts = MutatedText(of: seeds, seed: 9)
        var accepted = 0
        var wrong: [String] = []
        for _ in 0..<50_000 {
            let text = texts.next()
            guard let endpoint = try? Endpoint(parsing: text) else { continue }
            accepted += 1
            let description = endpoint.description
            if (try? Endpoint(parsing: description)) != endpoint
                || !description.unicodeScalars.allSatisfy(TerminalText.isSafe)
            {
                wrong.append(text)
            }
        }
        #expect(wrong == [])
        #expect(accepted > 5_000)
    }

    @Test("the lists of hostile input contain more than 300 distinct texts")
    func thereIsEnoughHostileInput() {
        let texts =
            HostileInput.ipv4Addresses + HostileInput.ipv6Addresses + HostileInput.ports
            + HostileInput.socketAddresses + HostileInput.hosts + HostileInput.endpoints
        #expect(Set(texts).count > 300)
    }
}
