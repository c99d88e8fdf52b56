import Foundation
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct StatusLineTests {
    @Test("SIGQUIT is answered with how it goes, and the program goes on", arguments: ["", "-l"])
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
        let errors = try sock.waitForErrors { $0.contains("bytes: ") && $0.hasSuffix("\n") }
        #expect(
            errors.hasSuffix(
                "sock: bytes: 5 sent, 0 received; nothing is under way (idle, certain)\n"))
        try peer.sendAll("still there?")
        try sock.waitForOutput("still there?")
        peer.close()
        sock.endInput()
        #expect(try sock.outcome().status == 0)
    }

    @Test("SIGQUIT finds a peer that does not read")
    func stuck() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let sock = try RunningSock(
            ["-c", "\"$SOCK\" 127.0.0.1 \(listener.localAddress.port ?? 0) </dev/zero"]
                .map { $0 == "-c" ? $0 : "exec \($0)" }, program: "/bin/bash")
        let peer = try listener.accept(timeout: .seconds(10))
        // Nothing is read: what the kernel takes comes to an end, which the next look finds.
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

    @Test("before anybody is connected that is the answer")
    func nobody() throws {
        let sock = try RunningSock("-l", "127.0.0.1", "0")
        _ = try sock.port()
        sock.send(signal: SIGQUIT)
        try sock.waitForErrors { $0.contains("sock: nobody is connected yet\n") }
        sock.send(signal: SIGTERM)
        #expect(try sock.outcome().status == 0)
    }

    @Test("--status ends with the number of bytes, also without -v")
    func final() throws {
        let peer = try Peer { caller in
            _ = try caller.receiveToEnd()
            try caller.sendAll("bye")
        }
        let outcome = try SockProgram.run("--status", "127.0.0.1", peer.port, input: "hi")
        #expect(outcome.errorLines.last == "sock: bytes: 2 sent, 3 received")
    }

    @Test("when time is up, the verdict and its evidence stand between the failure and the advice")
    func timeIsUp() throws {
        let peer = try Peer { caller in _ = try caller.receiveToEnd() }
        let outcome = try RunningSock("-w", "700ms", "127.0.0.1", peer.port).outcome()
        #expect(outcome.status == 28)
        try #require(outcome.errorLines.count == 4)
        #expect(outcome.errorLines[1] == "      Both ends are waiting (both-waiting, likely).")
        #expect(outcome.errorLines[2].contains("nothing has come for"))
        #expect(outcome.errorLines[3].hasPrefix("      See that the whole request"))
    }
}
