import Foundation
import Sockets
import Testing

/// Compiles and runs the blocking listings of the README and the articles, word for word, except
/// those that are taken from an example program.
@Suite("Listings", .ownThread)
struct ListingsTests {
    private let host = "127.0.0.1"

    @Test("a client connects, sends a request and receives the reply")
    func blockingClient() throws {
        let port = try Socket.portOfServer { client in
            guard try client.receive(timeout: testTimeout) == Array("GET / HTTP/1.0\r\n\r\n".utf8)
            else { return }
            try client.sendAll("HTTP/1.0 200 OK\r\n\r\n")
        }

        let socket = try Socket(to: .tcp(host, port: port), timeout: .seconds(10))
        print("Connected from \(socket.localAddress) to \(socket.remoteAddress)")

        try socket.sendAll("GET / HTTP/1.0\r\n\r\n")
        let reply = try socket.receive(atMost: 512, timeout: .seconds(10))
        print(String(decoding: reply, as: UTF8.self))

        #expect(String(decoding: reply, as: UTF8.self) == "HTTP/1.0 200 OK\r\n\r\n")
        #expect(socket.remoteAddress.port == port.number)
    }

    @Test("a client can create a socket and connect in separate steps")
    func stepByStep() throws {
        let server = try Socket.loopbackServer()
        let address = server.localAddress

        let socket = try Socket(.ipv4, .stream)
        try socket.connect(to: address, timeout: .seconds(10))

        #expect(try server.accept(timeout: testTimeout).remoteAddress == socket.localAddress)
    }

    @Test("the options of a connect contain socket options and a proxy")
    func connectOptions() {
        let options = ConnectOptions(
            socketOptions: [.boundInterface("eth0"), .userTimeout(.seconds(5))],
            through: .socks5(.tcp("proxy.example.com", port: 1080)))

        #expect(options.socketOptions.count == 2)
        #expect(options.through?.description == "socks5://proxy.example.com:1080")
    }

    @Test("a client connects through a SOCKS5 proxy that requires a password")
    func proxyClient() throws {
        let proxyPort = try Socket.portOfServer { client in
            let stream = SocketStream(client)
            // The replies of RFC 1928 and RFC 1929: a password, accepted, connected.
            let steps: [(Int, [UInt8])] = [
                (4, [5, 2]), (14, [1, 0]), (17, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
            ]
            for (count, reply) in steps {
                _ = try stream.readExactly(count, timeout: testTimeout)
                try stream.write(reply)
                try stream.flush()
            }
            try stream.write("welcome\n")
            try stream.close()
        }

        let proxy: Proxy = .socks5(
            .tcp("127.0.0.1", port: proxyPort), user: "alice", password: "secret")
        let socket = try Socket(
            to: .tcp("db.example", port: 5432), options: .init(through: proxy))

        #expect(try socket.receiveToEnd() == "welcome\n")
    }

    @Test("a line client writes, flushes and reads lines until the end of the stream")
    func lineClient() throws {
        let port = try Socket.portOfServer { client in
            let stream = SocketStream(client)
            guard try stream.readLine(timeout: testTimeout) == "help" else { return }
            try stream.write("one\r\ntwo\n")
            try stream.close()
        }
        var lines: [String] = []
        func print(_ line: String) { lines.append(line) }

        let stream = try SocketStream(to: .tcp(host, port: port))
        try stream.write("help\r\n")
        try stream.flush()
        while let line = try stream.readLine(timeout: .seconds(10)) {
            print(line)
        }
        try stream.close()

        #expect(lines == ["one", "two"])
    }

    @Test("a parser reads a message whose second half arrives after a timeout")
    func parser() throws {
        let server = try Socket.loopbackServer()
        let stream = try SocketStream(to: .tcp(host, port: Sockets.Port(server.port)))
        let peer = try server.accept(timeout: testTimeout)

        struct NotANetstring: Error {}

        /// Parses a text of up to 255 bytes with its length in front, such as `5:hello,`.
        func parse(_ bytes: RawSpan) throws -> (consumed: Int, value: String)? {
            let bytes = bytes.withUnsafeBytes { Array($0) }
            guard let colon = bytes.prefix(4).firstIndex(of: UInt8(ascii: ":")) else {
                guard bytes.count < 4 else { throw NotANetstring() }
                return nil
            }
            guard let count = UInt8(String(decoding: bytes[..<colon], as: UTF8.self)) else {
                throw NotANetstring()
            }
            let end = colon + 1 + Int(count)
            guard bytes.count > end else { return nil }
            guard bytes[end] == UInt8(ascii: ",") else { throw NotANetstring() }
            return (end + 1, String(decoding: bytes[(colon + 1)..<end], as: UTF8.self))
        }

        try peer.sendAll("5:hel")
        #expect(throws: SocketError.self) {
            try stream.read(timeout: .milliseconds(1), parsing: parse)
        }
        try peer.sendAll("lo,12345")

        let text = try stream.read(timeout: .seconds(2), parsing: parse)

        #expect(text == "hello")
        #expect(throws: NotANetstring.self) { try stream.read(parsing: parse) }
    }

    @Test("sendAll throws a timeout error that counts the bytes sent")
    func timeout() throws {
        let (socket, peer) = try Socket.pair()
        defer { peer.close() }
        let message = [UInt8](repeating: 0, count: 16 << 20)
        var report = ""
        func print(_ text: String) { report = text }

        do throws(SocketError) {
            try socket.sendAll(message, timeout: .milliseconds(100))
        } catch {
            print("\(error.bytesTransferred) of \(message.count) bytes were sent: \(error)")
        }

        let match = try #require(
            report.wholeMatch(
                of: /(\d+) of 16777216 bytes were sent: cannot send: timed out after 100 ms (?s).*/)
        )
        #expect((1..<message.count).contains(try #require(Int(match.1))))
    }

    @Test("two readLine calls share a deadline, and the second call times out at the deadline")
    func sharedDeadline() throws {
        let port = try Socket.portOfServer { client in
            try client.sendAll("220 ready\r\n250 ")
            // Keeps the connection open until the client stops waiting for the rest of the line.
            _ = try client.receive(timeout: testTimeout)
        }
        let stream = try SocketStream(to: .tcp(host, port: port))

        let deadline = TimeLimit.until(.now + .milliseconds(500))
        let greeting = try stream.readLine(timeout: deadline)
        do throws(SocketError) {
            _ = try stream.readLine(timeout: deadline)
        } catch {
            guard error.isTimeout else { throw error }
            print("The second line is late. Its first bytes stay in the buffer.")
        }

        #expect(greeting == "220 ready")
        #expect(try stream.read(timeout: testTimeout) == Array("250 ".utf8))
    }

    @Test("withTimeLimit limits a request and its reply, and withSocket closes the socket")
    func scopes() throws {
        let port = try Socket.portOfServer { client in
            let request = try client.receive(timeout: testTimeout)
            try client.sendAll(request)
            // Waits until the client closes its socket at the end of its closure.
            _ = try client.receive(timeout: testTimeout)
        }

        let reply = try withTimeLimit(.seconds(5)) {
            try withSocket(to: .tcp(host, port: port)) { socket in
                try socket.sendAll("hello\n")
                return try SocketStream(socket).readLine()
            }
        }

        #expect(reply == "hello")
    }

    @Test("a UDP client sends a datagram and prints the reply with its sender")
    func datagramClient() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let address = server.localAddress
        Thread.detachNewThread {
            guard let request = try? server.receiveFrom(timeout: testTimeout) else { return }
            _ = try? server.send("pong", to: request.sender)
        }
        var replies: [String] = []
        func print(_ text: String) { replies.append(text) }

        let socket = try Socket(.ipv4, .datagram)
        try socket.send("ping", to: address)
        let reply = try socket.receiveFrom(timeout: .seconds(2))
        print("\(reply.sender) says \(reply.text)")

        #expect(replies == ["\(address) says pong"])
    }

    @Test("catch SocketError.connectionRefused matches a refused connection")
    func errorPatterns() throws {
        let (reserved, unservedPort) = try Socket.unservedPort()
        defer { reserved.close() }
        let port = Port(unservedPort)
        var report: [String] = []
        func print(_ text: Any) { report.append("\(text)") }

        do {
            let socket = try Socket(to: .tcp(host, port: port), timeout: .seconds(10))
            try socket.sendAll("Hello\n")
        } catch SocketError.connectionRefused {
            print("No server listens on port \(port)")
        } catch SocketError.timedOut {
            print("No reply within 10 seconds")
        } catch {
            print(error)
        }

        #expect(report == ["No server listens on port \(unservedPort)"])
    }

    @Test("a refused connection has a system error as its cause and a one-line error text")
    func errorClasses() throws {
        let (reserved, unservedPort) = try Socket.unservedPort()
        defer { reserved.close() }
        let port = Port(unservedPort)
        var report: [String] = []
        func print(_ text: Any) { report.append("\(text)") }

        // In a closure, the compiler does not infer the type of the error.
        let connect = {
            do throws(SocketError) {
                let socket = try Socket(to: .tcp(host, port: port), timeout: .seconds(10))
                try socket.sendAll("Hello\n")
            } catch {
                switch error.cause {
                case .system(let errno): print("System error: \(errno)")
                case .nameResolution(let failure): print("Name not resolved: \(failure)")
                case .timedOut: print("No reply in time")
                default: print("Another cause")
                }
                print(error)
            }
        }
        connect()

        #expect(
            report == [
                "System error: Connection refused",
                "cannot connect to 127.0.0.1:\(unservedPort): connection refused",
            ])
    }

    @Test("a host name resolves to addresses, and an address resolves to host and service names")
    func names() throws {
        let addresses = try Resolver.resolve(.tcp("localhost", port: 80), family: .ipv4)
        let (host, service) = try Resolver.name(of: addresses[0])

        #expect(addresses.contains(.ipv4(.loopback, port: 80)))
        #expect(!host.isEmpty && !service.isEmpty)
    }

    @Test(
        "a service name resolves to a port, and a port resolves to a service name",
        .enabled(
            if: FileManager.default.fileExists(atPath: "/etc/services"),
            "this machine has no /etc/services; install the package netbase"))
    func services() throws {
        let port = try Services.port(named: "http", transport: .tcp)
        let name = try Services.name(ofPort: 80, transport: .tcp)

        #expect(port == 80)
        #expect(name == "http")
    }

    @Test("an endpoint can be written in code or parsed from text")
    func endpoints() throws {
        let text = "[::1]:80"

        let web: Endpoint = .tcp("www.example.com", port: "http")
        let everyInterface: Endpoint = .udp(port: 51423)
        let local: Endpoint = .unix("/run/app.sock")
        let parsed = try Endpoint(parsing: text)

        #expect("\(web)" == "www.example.com:http")
        #expect("\(everyInterface)" == "udp://:51423")
        #expect("\(local)" == "unix:/run/app.sock")
        #expect(parsed == .tcp("::1", port: 80))
    }

    @Test("socket options are set and read as typed values")
    func options() throws {
        let socket = try Socket(.ipv4)

        try socket.setOption(.noDelay, to: true)
        try socket.setOption(.keepAliveIdle, to: .seconds(60))
        let size = try socket.option(.receiveBufferSize)

        #expect(try socket.option(.noDelay))
        #expect(try socket.option(.keepAliveIdle) == .seconds(60))
        #expect(size > 0)
    }
}
