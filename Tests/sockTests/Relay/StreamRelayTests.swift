import Foundation
import Sockets
import Testing

@Suite(.ownThread)
struct StreamRelayTests {
    @Test("the reply of a server that answers a second after the end of input is not lost")
    func lateReply() throws {
        let peer = try Peer { caller in
            let request = try caller.receiveToEnd()
            // That it is late is what is tested: no event ends this.
            Thread.sleep(forTimeInterval: 1)
            try caller.sendAll(request + Array(" yourself".utf8))
        }
        let outcome = try SockProgram.run("127.0.0.1", peer.port, input: "hello")
        #expect(outcome.status == 0)
        #expect(outcome.text == "hello yourself")
        #expect(outcome.errors.isEmpty)
    }

    @Test("sixteen megabytes go through an echo server and come back unharmed")
    func bulk() throws {
        let outcome = try SockProgram.shell(
            """
            coproc "$SOCK" serve echo 0 2>&1
            read -r _ _ address _ <&"${COPROC[0]}"
            file=$(mktemp)
            head -c 16777216 /dev/urandom >"$file"
            sha256sum <"$file"
            "$SOCK" "$address" <"$file" | sha256sum
            rm "$file"
            kill "$COPROC_PID"
            """)
        let sums = outcome.text.split(separator: "\n")
        #expect(sums.count == 2)
        #expect(sums.first == sums.last)
    }

    @Test("a reset in the middle is no success")
    func reset() throws {
        let peer = try Peer { caller in
            _ = try caller.receive(timeout: .seconds(20))
            try caller.sendAll("part")
            try caller.setOption(.linger, to: .zero)
            caller.close()
        }
        let sock = try RunningSock("127.0.0.1", peer.port)
        sock.write("hello")
        let outcome = try sock.outcome()
        #expect(outcome.status == 56)
        #expect(outcome.errors.contains("connection reset by peer"))
        #expect(outcome.errorLines.count == 2)
    }

    @Test("an input that nobody takes is not delivered, which is no success")
    func notDelivered() throws {
        let peer = try Peer { caller in
            try caller.sendAll("enough")
            try caller.shutdown(.write)
            // Some has come, more will; then it hangs up.
            _ = try caller.receive(atMost: 1, timeout: .seconds(20))
        }
        let outcome = try SockProgram.shell("yes | \"$SOCK\" 127.0.0.1 \(peer.port)")
        #expect([55, 56].contains(outcome.status))
        #expect(outcome.text == "enough")
    }

    @Test("input that flows on after the peer's end still reaches it")
    func halfClosedPeer() throws {
        let received = Received()
        let peer = try Peer { caller in
            try caller.shutdown(.write)
            received.set(try caller.receiveToEnd().count)
        }
        let outcome = try SockProgram.shell(
            "(for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done) | \"$SOCK\" 127.0.0.1 \(peer.port)"
        )
        #expect(outcome.status == 0)
        #expect(received.wait() == 12)
    }

    @Test("a half-closed peer that pauses loses nothing of what is on its way")
    func pausingPeer() throws {
        let received = Received()
        let peer = try Peer { caller in
            try caller.shutdown(.write)
            // Longer than input is waited for after the peer's end: no event ends this.
            Thread.sleep(forTimeInterval: 3)
            received.set(try caller.receiveToEnd().count)
        }
        let outcome = try SockProgram.shell(
            "head -c 20000000 /dev/zero | \"$SOCK\" 127.0.0.1 \(peer.port)")
        #expect(outcome.status == 0)
        #expect(received.wait() == 20_000_000)
    }

    @Test("when the peer has ended and the input is silent, that is the end")
    func peerEnds() throws {
        let peer = try Peer { caller in try caller.sendAll("bye") }
        let sock = try RunningSock("127.0.0.1", peer.port)
        let outcome = try sock.outcome()
        #expect(outcome.status == 0)
        #expect(outcome.text == "bye")
    }

    @Test("-w ends a connection on which nothing moves, with 28")
    func silence() throws {
        let peer = try Peer { caller in _ = try caller.receiveToEnd() }
        let sock = try RunningSock("-w", "200ms", "127.0.0.1", peer.port)
        let outcome = try sock.outcome()
        #expect(outcome.status == 28)
        #expect(
            outcome.errorLines.first
                == "sock: nothing has come from 127.0.0.1:\(peer.port) or gone there for 200 ms")
    }

    @Test("-q is enough so long after the end of input, with 0")
    func quit() throws {
        let hasEnded = Received()
        let peer = try Peer { caller in
            try caller.sendAll("x")
            _ = try caller.receiveToEnd()
            _ = hasEnded.wait()
        }
        defer { hasEnded.set(1) }
        let start = ContinuousClock.now
        let outcome = try SockProgram.run("-q", "0.2", "127.0.0.1", peer.port, input: "hello")
        #expect(outcome.status == 0)
        #expect(start.duration(to: .now) < .seconds(4))
    }

    @Test("output that cannot be written is 23")
    func full() throws {
        let peer = try Peer { caller in try caller.sendAll("x") }
        let outcome = try SockProgram.shell(
            "\"$SOCK\" 127.0.0.1 \(peer.port) </dev/null >/dev/full")
        #expect(outcome.status == 23)
    }

    @Test("-v tells both ends and how much went each way, on standard error")
    func verbose() throws {
        let peer = try Peer { caller in try caller.sendAll(caller.receiveToEnd() + [33]) }
        let outcome = try SockProgram.run("-v", "127.0.0.1", peer.port, input: "abc")
        #expect(outcome.text == "abc!")
        #expect(
            outcome.errors.hasPrefix("sock: connected to 127.0.0.1:\(peer.port) from 127.0.0.1:"))
        #expect(outcome.errors.hasSuffix("sock: bytes: 3 sent, 4 received\n"))
    }
}

/// A number that a peer's thread hands to the test.
private final class Received: Sendable {
    private let socket: (Socket, Socket)?

    init() { socket = try? Socket.pair() }

    func set(_ number: Int) { try? socket?.0.sendAll("\(number)") }

    func wait() -> Int? {
        let bytes = try? socket?.1.receive(timeout: .seconds(20))
        return bytes.flatMap { Int(String(decoding: $0, as: UTF8.self)) }
    }
}
