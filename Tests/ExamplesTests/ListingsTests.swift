import Foundation
import Sockets
import Testing

/// The listings of the README and of the articles that are no example program of their own: each
/// stands here as it is printed there, and does what is said of it.
@Suite("Listings", .ownThread)
struct ListingsTests {
    private let host = "127.0.0.1"

    @Test("a client connects by name, asks, and reads the answer")
    func aBlockingClient() throws {
        let port = try Socket.portOfServer { caller in
            guard try caller.receive(timeout: patience) == Array("GET / HTTP/1.0\r\n\r\n".utf8)
            else { return }
            try caller.sendAll("HTTP/1.0 200 OK\r\n\r\n")
        }

        let socket = try Socket(to: .tcp(host, port: port), timeout: .seconds(10))
        print("Connected from \(socket.localAddress) to \(socket.remoteAddress)")

        try socket.sendAll("GET / HTTP/1.0\r\n\r\n")
        let answer = try socket.receive(atMost: 512, timeout: .seconds(10))
        print(String(decoding: answer, as: UTF8.self))

        #expect(String(decoding: answer, as: UTF8.self) == "HTTP/1.0 200 OK\r\n\r\n")
        #expect(socket.remoteAddress.port == port.number)
    }

    @Test("the steps of Socket(to:) can be taken one by one")
    func theStepsOneByOne() throws {
        let server = try Socket.loopbackServer()
        let address = server.localAddress

        let socket = try Socket(.ipv4, .stream)
        try socket.connect(to: address, timeout: .seconds(10))

        #expect(try server.accept(timeout: patience).remoteAddress == socket.localAddress)
    }

    @Test("a line client writes, flushes and reads lines until the end")
    func aLineClient() throws {
        let port = try Socket.portOfServer { caller in
            let stream = SocketStream(caller)
            guard try stream.readLine(timeout: patience) == "help" else { return }
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

    @Test("a limit covers the whole operation, and the error says how much had gone")
    func aTimeLimit() throws {
        let (socket, peer) = try Socket.pair()
        defer { peer.close() }
        let message = [UInt8](repeating: 0, count: 16 << 20)
        var report = ""
        func print(_ text: String) { report = text }

        do {
            try socket.sendAll(message, timeout: .milliseconds(100))
        } catch {
            print("\(error.bytesTransferred) of \(message.count) bytes have gone: \(error)")
        }

        let words = try #require(
            report.wholeMatch(
                of: /(\d+) of 16777216 bytes have gone: cannot send: timed out after 100 ms (?s).*/)
        )
        #expect((1..<message.count).contains(try #require(Int(words.1))))
    }

    @Test("one deadline serves several operations")
    func oneDeadline() throws {
        let port = try Socket.portOfServer { caller in
            try caller.sendAll("220 ready\r\n250 ")
            // Holds the connection until the client gives up on the rest of the line.
            _ = try caller.receive(timeout: patience)
        }
        let stream = try SocketStream(to: .tcp(host, port: port))

        let deadline = TimeLimit.until(.now + .milliseconds(500))
        let greeting = try stream.readLine(timeout: deadline)
        do {
            _ = try stream.readLine(timeout: deadline)
        } catch {
            guard error.isTimeout else { throw error }
            print("Still waiting for the second line; nothing of it is lost.")
        }

        #expect(greeting == "220 ready")
        #expect(try stream.read(timeout: patience) == Array("250 ".utf8))
    }

    @Test("a UDP client sends, waits for a limited time, and learns who answered")
    func aDatagramClient() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let address = server.localAddress
        Thread.detachNewThread {
            guard let question = try? server.receiveFrom(timeout: patience) else { return }
            _ = try? server.send("pong", to: question.sender)
        }
        var answers: [String] = []
        func print(_ text: String) { answers.append(text) }

        let socket = try Socket(.ipv4, .datagram)
        try socket.send("ping", to: address)
        let answer = try socket.receiveFrom(timeout: .seconds(2))
        print("\(answer.sender) says \(answer.text)")

        #expect(answers == ["\(address) says pong"])
    }

    @Test("the cause of an error tells its class, and its text is one line")
    func theCauseOfAnError() throws {
        let (silent, deafPort) = try Socket.deafPort()
        defer { silent.close() }
        let port = Port(deafPort)
        var report: [String] = []
        func print(_ text: Any) { report.append("\(text)") }

        do {
            let socket = try Socket(to: .tcp(host, port: port), timeout: .seconds(10))
            try socket.sendAll("Hello\n")
        } catch {
            switch error.cause {
            case .system(.connectionRefused): print("Nobody listens there")
            case .system(let errno): print("The system says no: \(errno)")
            case .nameResolution(let failure): print("No such name: \(failure)")
            case .timedOut: print("No answer in time")
            default: print("Something else")
            }
            print(error)
        }

        #expect(
            report == [
                "Nobody listens there",
                "cannot connect to 127.0.0.1:\(deafPort): connection refused",
            ])
    }

    @Test("names become addresses, and addresses names")
    func names() throws {
        let addresses = try Resolver.resolve(.tcp("localhost", port: 80))
        let (host, service) = try Resolver.name(of: addresses[0])

        #expect(addresses.contains(.ipv4(.loopback, port: 80)))
        #expect(!host.isEmpty && !service.isEmpty)
    }

    @Test(
        "services have numbers, and numbers services",
        .enabled(
            if: FileManager.default.fileExists(atPath: "/etc/services"),
            "this machine has no /etc/services; the package netbase brings it"))
    func services() throws {
        let port = try Services.port(named: "http", transport: .tcp)
        let name = try Services.name(ofPort: 80, transport: .tcp)

        #expect(port == 80)
        #expect(name == "http")
    }

    @Test("endpoints are written in code, or read from text")
    func endpoints() throws {
        let text = "[::1]:80"

        let web: Endpoint = .tcp("www.example.com", port: "http")
        let everywhere: Endpoint = .udp(port: 51423)
        let local: Endpoint = .unix("/run/app.sock")
        let typed = try Endpoint(text)

        #expect("\(web)" == "www.example.com:http")
        #expect("\(everywhere)" == "udp://:51423")
        #expect("\(local)" == "unix:/run/app.sock")
        #expect(typed == .tcp("::1", port: 80))
    }

    @Test("options have types")
    func options() throws {
        let socket = try Socket(.ipv4)

        try socket.setOption(.noDelay, to: true)
        try socket.setOption(.keepAliveIdle, to: .seconds(60))
        let room = try socket.option(.receiveBufferSize)

        #expect(try socket.option(.noDelay))
        #expect(try socket.option(.keepAliveIdle) == .seconds(60))
        #expect(room > 0)
    }
}
