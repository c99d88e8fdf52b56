import Foundation
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct StatusLineTests {
    @Test("SIGQUIT prints the progress, and sock continues", arguments: ["", "-l"])
    func quit(flag: String) throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let sock: RunningSock
        let peer: Socket
        if flag.isEmpty {
            let port = "\(listener.localAddress.port ?? 0)"
            sock = try RunningSock("-v", "127.0.0.1", port)
            peer = try listener.accept(timeout: .seconds(10))
            try sock.waitForErrors { $0.contains("connected") }
        } else {
            sock = try RunningSock("-lv", "127.0.0.1", "0")
            let port = try Port(parsing: try sock.port())
            peer = try Socket(to: .tcp("127.0.0.1", port: port))
            try sock.waitForErrors { $0.contains("Connection from") }
        }
        sock.write("hello")
        #expect(try peer.receive(timeout: .seconds(10)) == Array("hello".utf8))
        sock.send(signal: SIGQUIT)
        let errors = try sock.waitForErrors { $0.contains("sent 5 bytes") && $0.hasSuffix("\n") }
        #expect(
            errors.hasSuffix(
                "sock: sent 5 bytes, received 0 bytes; the connection is idle (idle, certain)\n"))
        try peer.sendAll("still there?")
        try sock.waitForOutput("still there?")
        peer.close()
        sock.endInput()
        #expect(try sock.outcome().status == 0)
    }

    @Test("SIGQUIT reports a peer that does not read")
    func stuck() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let sock = try RunningSock(
            ["-c", "\"$SOCK\" 127.0.0.1 \(listener.localAddress.port ?? 0) </dev/zero"]
                .map { $0 == "-c" ? $0 : "exec \($0)" }, program: "/bin/bash")
        let peer = try listener.accept(timeout: .seconds(10))
        // The program may need time to notice that it is connected.
        _ = try peer.receive(atMost: 1, timeout: .seconds(10))
        // The peer reads nothing more, so the kernel's buffers fill, which a later sample finds.
        var errors = ""
        for round in 1...20 where !errors.contains("peer-not-reading") {
            sock.send(signal: SIGQUIT)
            errors = try sock.waitForErrors { $0.split(separator: "\n").count >= round }
        }
        #expect(errors.contains("the peer is not reading (peer-not-reading, "))
        sock.send(signal: SIGINT)
        #expect(try sock.outcome().status == 130)
        withExtendedLifetime(peer) {}
    }

    @Test("SIGQUIT before the first client reports that nothing is connected")
    func noClient() throws {
        let sock = try RunningSock("-l", "127.0.0.1", "0")
        _ = try sock.port()
        sock.send(signal: SIGQUIT)
        try sock.waitForErrors { $0.contains("sock: not connected yet\n") }
        sock.send(signal: SIGTERM)
        #expect(try sock.outcome().status == 0)
    }

    @Test("--status prints the final byte counts even without -v")
    func final() throws {
        let peer = try Peer { client in
            _ = try client.receiveToEnd()
            try client.sendAll("bye")
        }
        let outcome = try SockProgram.run("--status", "127.0.0.1", peer.port, input: "hi")
        #expect(outcome.errorLines.last == "sock: sent 2 bytes, received 3 bytes")
    }

    @Test("a timeout prints the verdict and the evidence between the failure and the hint")
    func timeout() throws {
        let peer = try Peer { client in _ = try client.receiveToEnd() }
        let outcome = try RunningSock("-w", "700ms", "127.0.0.1", peer.port).outcome()
        #expect(outcome.status == 28)
        try #require(outcome.errorLines.count == 4)
        #expect(
            outcome.errorLines[1]
                == "      Both ends wait for data, a deadlock if each expects the other to send first"
                + " (both-waiting, likely).")
        #expect(outcome.errorLines[2].contains("nothing has arrived for"))
        #expect(outcome.errorLines[3].hasPrefix("      Check whether the peer is"))
    }
}
