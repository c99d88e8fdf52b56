import Sockets
import Testing

@Suite(.ownThread)
struct ConnectTests {
    @Test("sock exits with status 7 and prints the address and a hint if a connection is refused")
    func refused() throws {
        let (socket, port) = try Peer.boundPort()
        defer { socket.close() }
        let outcome = try SockProgram.run("127.0.0.1", port)
        #expect(outcome.status == 7)
        #expect(
            outcome.errorLines == [
                "sock: cannot connect to 127.0.0.1:\(port): connection refused",
                "      The machine is up, but no program listens on that port.",
            ])
    }

    @Test("sock exits with status 6 if the host name is unknown")
    func unknownHost() throws {
        let outcome = try SockProgram.run("-n", "no-such-host.invalid", "80")
        #expect(outcome.status == 6)
        #expect(outcome.errorLines.count == 2)
    }

    @Test("connect accepts the endpoint as two words, as HOST:PORT and as a URL")
    func shapes() throws {
        for shape in ["127.0.0.1 %", "127.0.0.1:%", "tcp://127.0.0.1:%", "connect 127.0.0.1 %"] {
            let peer = try Peer { client in try client.sendAll("here") }
            let words = shape.split(separator: " ").map {
                $0.split(separator: "%", omittingEmptySubsequences: false).joined(
                    separator: peer.port)
            }
            let outcome = try SockProgram.run(words)
            #expect(outcome.text == "here", "\(words)")
            #expect(outcome.status == 0)
        }
    }

    @Test("-z connects, sends nothing and reads no input")
    func zero() throws {
        let peer = try Peer { client in _ = try client.receiveToEnd() }
        let outcome = try SockProgram.run("-vz", "127.0.0.1", peer.port, input: "not sent")
        #expect(outcome.status == 0)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("sock: connected to 127.0.0.1:\(peer.port) from "))
    }

    @Test("-zu exits with status 0 after a reply, 28 without a reply, and 7 if refused")
    func zeroDatagrams() throws {
        let server = try RunningSock("serve", "echo", "0")
        defer { server.send(signal: 15) }
        #expect(try SockProgram.run("-zu", "127.0.0.1", try server.port()).status == 0)
        let (silent, port) = try Peer.boundPort(.datagram)
        #expect(try SockProgram.run("-zuw0.1", "127.0.0.1", port).status == 28)
        silent.close()
        #expect(try SockProgram.run("-zu", "127.0.0.1", port).status == 7)
    }

    @Test("-p and -s set the local port and address")
    func source() throws {
        let (spare, port) = try Peer.boundPort()
        spare.close()
        let peer = try Peer { client in try client.sendAll("\(client.remoteAddress)") }
        let outcome = try SockProgram.run("-s", "127.0.0.3", "-p", port, "127.0.0.1", peer.port)
        #expect(outcome.text == "127.0.0.3:\(port)")
    }

    @Test("sock exits with status 45 if -s is not an address of this machine")
    func foreignSource() throws {
        let outcome = try SockProgram.run("-s", "192.0.2.1", "127.0.0.1", "9")
        #expect(outcome.status == 45)
    }

    @Test("sock -U exits with status 7 if the socket file is missing")
    func noSocketFile() throws {
        #expect(try SockProgram.run("-U", "/nonexistent/socket").status == 7)
    }

    @Test("--send-only drops received bytes and does not wait for the peer")
    func sendOnly() throws {
        let peer = try Peer { client in
            try client.sendAll("unwanted")
            _ = try client.receiveToEnd()
            _ = try? client.receive(timeout: .seconds(20))
        }
        let outcome = try SockProgram.run("--send-only", "-q0", "127.0.0.1", peer.port, input: "x")
        #expect(outcome.status == 0)
        #expect(outcome.output.isEmpty)
    }
}
