import Sockets
import Testing

@Suite("Endpoint")
struct EndpointTests {
    private static let descriptions: [(Endpoint, String)] = [
        (.tcp("www.example.com", port: "http"), "www.example.com:http"),
        (.tcp("127.0.0.1", port: 80), "127.0.0.1:80"),
        (.tcp("::1", port: 80), "[::1]:80"),
        (.tcp(port: 51423), ":51423"),
        (.tcp(.v6(.loopback), port: 80), "[::1]:80"),
        (.tcp(.v4(.loopback), port: 80), "127.0.0.1:80"),
        (.udp("localhost", port: 53), "udp://localhost:53"),
        (.udp("fe80::1%eth0", port: "domain"), "udp://[fe80::1%eth0]:domain"),
        (.udp(port: 53), "udp://:53"),
        (.udp(.v4(.loopback), port: 53), "udp://127.0.0.1:53"),
        (.unix("/run/app.sock"), "unix:/run/app.sock"),
        (.unix("@name"), "unix:@name"),
        (.unix("//run/app.sock"), "unix:////run/app.sock"),
        (.unixDatagram("/dev/log"), "unixgram:/dev/log"),
        (.unixSequencedPacket("relative"), "unixpacket:relative"),
        (.tcp("unix", port: 80), "tcp://unix:80"),
        (.tcp("UnixGram", port: 80), "tcp://UnixGram:80"),
        (.tcp("h\u{1b}[31m", port: "\n"), "h\\x1b[31m:\\x0a"),
        (.unix("/a\u{7}"), "unix:/a\\x07"),
    ]

    @Test(
        "an endpoint prints in its usual text form with control characters escaped",
        arguments: descriptions)
    func descriptionsOfEndpoints(endpoint: Endpoint, text: String) {
        #expect(endpoint.description == text)
    }

    @Test("a port can be a literal, a UInt16 variable or a Port variable")
    func portsOfAllTypes() {
        let (number, port): (UInt16, Port) = (80, "http")
        #expect(Endpoint.tcp("h", port: number) == .tcp("h", port: 80))
        #expect(Endpoint.tcp(port: number) == .tcp(port: 80))
        #expect(Endpoint.tcp("h", port: port) == .tcp("h", port: "http"))
        #expect(Endpoint.udp("h", port: number) == .udp("h", port: 80))
        #expect(Endpoint.udp(port: number) == .udp(port: 80))
        #expect(Endpoint.udp("h", port: port) == .udp("h", port: "http"))
    }

    @Test("an Internet endpoint has a host and a port, but no path")
    func partsOfAnInternetEndpoint() {
        let endpoint = Endpoint.tcp("h", port: "http")
        #expect(endpoint.transport == .tcp)
        #expect(endpoint.host == "h")
        #expect(endpoint.port == "http")
        #expect(endpoint.path == nil)
    }

    @Test("a Unix endpoint has a path, but neither a host nor a port")
    func partsOfAUnixEndpoint() {
        let endpoint = Endpoint.unixDatagram("/dev/log")
        #expect(endpoint.transport == .unixDatagram)
        #expect(endpoint.host == nil)
        #expect(endpoint.port == nil)
        #expect(endpoint.path == "/dev/log")
    }

    @Test("endpoints that differ only in transport are not equal")
    func transportsAreDifferent() {
        #expect(Endpoint.tcp("h", port: 1) != .udp("h", port: 1))
        #expect(Endpoint.unix("/a") != .unixDatagram("/a"))
    }

    @Test("an endpoint can be created from arbitrary text and printed")
    func arbitraryTextCanBePrinted() {
        let nonsense = String(repeating: "\u{0}[:]%@", count: 20_000)
        #expect(
            Endpoint.tcp(nonsense, port: Port(service: nonsense)).description.utf8.count > 200_000)
        #expect(Endpoint.unix(nonsense).description.hasPrefix("unix:\\x00[:]%@"))
    }
}
