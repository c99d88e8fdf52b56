import Sockets
import Testing

@Suite(.ownThread)
struct ConnectTests {
    @Test("a refused connection is 7, with what was tried and what to do")
    func refused() throws {
        let (socket, port) = try Peer.silentPort()
        defer { socket.close() }
        let outcome = try SockProgram.run("127.0.0.1", port)
        #expect(outcome.status == 7)
        #expect(
            outcome.errorLines == [
                "sock: cannot connect to 127.0.0.1:\(port): connection refused",
                "      The machine is there, but nothing listens on that port.",
            ])
    }

    @Test("a name that does not exist is 6")
    func unknownHost() throws {
        let outcome = try SockProgram.run("-n", "no-such-host.invalid", "80")
        #expect(outcome.status == 6)
        #expect(outcome.errorLines.count == 2)
    }

    @Test("the peer is written as two words, with a colon, or as a URL")
    func shapes() throws {
        for shape in ["127.0.0.1 %", "127.0.0.1:%", "tcp://127.0.0.1:%", "connect 127.0.0.1 %"] {
            let peer = try Peer { caller in try caller.sendAll("here") }
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
        let peer = try Peer { caller in _ = try caller.receiveToEnd() }
        let outcome = try SockProgram.run("-vz", "127.0.0.1", peer.port, input: "not sent")
        #expect(outcome.status == 0)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("sock: connected to 127.0.0.1:\(peer.port) from "))
    }

    @Test("-z over UDP is refused, answered, or a time-out")
    func zeroDatagrams() throws {
        let server = try RunningSock("serve", "echo", "0")
        defer { server.send(signal: 15) }
        #expect(try SockProgram.run("-zu", "127.0.0.1", try server.port()).status == 0)
        let (silent, port) = try Peer.silentPort(.datagram)
        #expect(try SockProgram.run("-zuw0.1", "127.0.0.1", port).status == 28)
        silent.close()
        #expect(try SockProgram.run("-zu", "127.0.0.1", port).status == 7)
    }

    @Test("-p and -s are where the call comes from")
    func source() throws {
        let (spare, port) = try Peer.silentPort()
        spare.close()
        let peer = try Peer { caller in try caller.sendAll("\(caller.remoteAddress)") }
        let outcome = try SockProgram.run("-s", "127.0.0.3", "-p", port, "127.0.0.1", peer.port)
        #expect(outcome.text == "127.0.0.3:\(port)")
    }

    @Test("an own address that this machine does not have is 45")
    func foreignSource() throws {
        let outcome = try SockProgram.run("-s", "192.0.2.1", "127.0.0.1", "9")
        #expect(outcome.status == 45)
    }

    @Test("a Unix socket that is not there is 7")
    func noSocketFile() throws {
        #expect(try SockProgram.run("-U", "/nonexistent/socket").status == 7)
    }

    @Test("--send-only drops what comes, and does not wait for the peer's end")
    func sendOnly() throws {
        let peer = try Peer { caller in
            try caller.sendAll("unwanted")
            _ = try caller.receiveToEnd()
            _ = try? caller.receive(timeout: .seconds(20))
        }
        let outcome = try SockProgram.run("--send-only", "-q0", "127.0.0.1", peer.port, input: "x")
        #expect(outcome.status == 0)
        #expect(outcome.output.isEmpty)
    }
}
