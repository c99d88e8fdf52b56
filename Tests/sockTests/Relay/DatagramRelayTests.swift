import Sockets
import Testing

@Suite(.ownThread)
struct DatagramRelayTests {
    private func echo() throws -> (RunningSock, String) {
        let server = try RunningSock("serve", "echo", "0")
        return (server, try server.port())
    }

    @Test("sock -u prints a reply and exits with status 0")
    func answered() throws {
        let (server, port) = try echo()
        defer { server.send(signal: 15) }
        let outcome = try SockProgram.run("-u", "127.0.0.1", port, input: "hello")
        #expect(outcome.status == 0)
        #expect(outcome.text == "hello")
    }

    @Test("sock -u without a reply exits with status 28 after 1 s, or after the time of -w")
    func silence() throws {
        let (silent, port) = try Peer.boundPort(.datagram)
        defer { silent.close() }
        let start = ContinuousClock.now
        let outcome = try SockProgram.run("-u", "127.0.0.1", port, input: "hello")
        #expect(outcome.status == 28)
        #expect(start.duration(to: .now) >= .seconds(1))
        #expect(
            outcome.errorLines.first
                == "sock: cannot receive from 127.0.0.1:\(port): no reply in 1 s")
        let limited = try SockProgram.run("-u", "-w0.1", "127.0.0.1", port, input: "hello")
        #expect(limited.status == 28)
        #expect(limited.errors.contains("in 100 ms"))
    }

    @Test("sock -u with empty input exits with status 28 and a hint about the empty input")
    func empty() throws {
        let (silent, port) = try Peer.boundPort(.datagram)
        defer { silent.close() }
        let outcome = try SockProgram.run("-uw0.1", "127.0.0.1", port)
        #expect(outcome.status == 28)
        #expect(outcome.errors.contains("the input was empty"))
    }

    @Test("sock -u --send-only exits with status 0 without a reply")
    func sendOnly() throws {
        let (silent, port) = try Peer.boundPort(.datagram)
        let outcome = try SockProgram.run("-u", "--send-only", "127.0.0.1", port, input: "hello")
        #expect(outcome.status == 0)
        #expect(try silent.receiveFrom(timeout: .seconds(5)).text == "hello")
    }

    @Test("sock -u exits with status 7 if the datagram is refused")
    func refused() throws {
        let (socket, port) = try Peer.boundPort(.datagram)
        socket.close()
        let outcome = try SockProgram.run("-u", "127.0.0.1", port, input: "hello")
        #expect(outcome.status == 7)
        #expect(outcome.errors.contains("connection refused"))
    }

    @Test("input is split into datagrams of at most 8 KiB")
    func pieces() throws {
        let (silent, port) = try Peer.boundPort(.datagram)
        let text = String(repeating: "0123456789abcdef", count: 1280)
        let outcome = try SockProgram.run("-u", "--send-only", "127.0.0.1", port, input: text)
        #expect(outcome.status == 0)
        var received = ""
        while received.count < text.count {
            let datagram = try silent.receiveFrom(timeout: .seconds(5))
            #expect(datagram.bytes.count <= 8192)
            received += datagram.text
        }
        #expect(received == text)
    }

    @Test("sock -u -q exits with status 0 even without a reply")
    func quit() throws {
        let (silent, port) = try Peer.boundPort(.datagram)
        defer { silent.close() }
        #expect(try SockProgram.run("-u", "-q0.1", "127.0.0.1", port, input: "x").status == 0)
    }
}
