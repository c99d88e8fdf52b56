import Foundation
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

    @Test("sock -u --send-only tries all addresses of a name, and exits with status 7 if refused")
    func sendOnlyToName() throws {
        let server = try Socket(on: .udp("127.0.0.1", port: 0))
        let port = "\(server.localAddress.port ?? 0)"
        let words = ["-u", "--send-only", "localhost", port]
        #expect(try SockProgram.run(words, input: "hello").status == 0)
        #expect(try server.receiveFrom(timeout: .seconds(5)).text == "hello")
        server.close()
        #expect(try SockProgram.run(words, input: "hello").status == 7)
    }

    @Test("sock -u exits with status 7 if the datagram is refused")
    func refused() throws {
        let (socket, port) = try Peer.boundPort(.datagram)
        socket.close()
        let outcome = try SockProgram.run("-u", "127.0.0.1", port, input: "hello")
        #expect(outcome.status == 7)
        #expect(outcome.errors.contains("connection refused"))
    }

    @Test(
        "each read of the input is one datagram, up to --datagram-size or the family's limit",
        arguments: [
            ([], 20_480, [20_480]), ([], 65_507, [65_507]),
            (["--datagram-size", "9000"], 20_480, [9_000, 9_000, 2_480]),
        ] as [([String], Int, [Int])])
    func pieces(flags: [String], count: Int, expected: [Int]) throws {
        let (silent, port) = try Peer.boundPort(.datagram)
        let folder = try temporaryFolder()
        try Data(repeating: 7, count: count).write(to: URL(fileURLWithPath: folder + "/input"))
        let outcome = try SockProgram.shell(
            "\"$SOCK\" -u --send-only \(flags.joined(separator: " ")) 127.0.0.1 \(port)"
                + " <'\(folder)/input'")
        #expect(outcome.status == 0)
        for count in expected {
            #expect(try silent.receiveFrom(timeout: .seconds(5)).bytes.count == count)
        }
    }

    @Test("65,527 bytes over IPv6, and 100,000 bytes over a Unix socket, are received whole")
    func largest() throws {
        let listener = try RunningSock("-lu", "::1", "0")
        defer { listener.send(signal: 15) }
        let bytes = [UInt8](repeating: 120, count: 65_527)
        let client = try Socket(to: .udp("::1", port: Port(parsing: listener.port())))
        try client.send(bytes)
        try listener.waitForOutput { $0.utf8.count == 65_527 }
        let path = try temporaryFolder() + "/s"
        let local = try RunningSock("-luvU", path)
        defer { local.send(signal: 15) }
        try local.waitForErrors { $0.contains("Listening") }
        try Socket(to: .unixDatagram(path)).send([UInt8](repeating: 121, count: 100_000))
        try local.waitForOutput { $0.utf8.count == 100_000 }
    }

    @Test("a broadcast address needs -b, and the error says so")
    func broadcast() throws {
        let outcome = try SockProgram.run("-u", "127.255.255.255", "9", input: "x")
        #expect(
            outcome.errorLines.last
                == "      That is a broadcast address, which needs --broadcast (-b).")
        #expect(outcome.status == 7)
    }

    @Test("sock -u -q exits with status 0 even without a reply")
    func quit() throws {
        let (silent, port) = try Peer.boundPort(.datagram)
        defer { silent.close() }
        #expect(try SockProgram.run("-u", "-q0.1", "127.0.0.1", port, input: "x").status == 0)
    }

    @Test(
        "with -b, a connected socket sends to a broadcast address, and the hint names --send-only")
    func allowedBroadcast() throws {
        let receiver = try Socket(on: .udp("0.0.0.0", port: 0))
        let port = "\(receiver.localAddress.port ?? 0)"
        let outcome = try SockProgram.run("-ubw0.1", "127.255.255.255", port, input: "x")
        #expect(try receiver.receiveFrom(timeout: .seconds(10)).text == "x")
        #expect(outcome.status == 28)
        #expect(outcome.errors.contains("--send-only"), "\(outcome.errors)")
        let sender = try SockProgram.run(
            "-ub", "--send-only", "127.255.255.255", port, input: "y")
        #expect(try receiver.receiveFrom(timeout: .seconds(10)).text == "y")
        #expect(sender.status == 0)
    }
}
