import Foundation
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct StreamRelayTests {
    @Test("a reply that arrives long after the half-close is not lost")
    func lateReply() throws {
        let mayReply = Monitor(false)
        let peer = try Peer { client in
            let request = try client.receiveToEnd()
            mayReply.wait { $0 }
            try client.sendAll(request + Array(" yourself".utf8))
        }
        let sock = try RunningSock("127.0.0.1", peer.port)
        sock.write("hello")
        sock.endInput()
        // The program has nothing left to do except wait for the reply.
        sock.waitUntilBlocked()
        mayReply.update { $0 = true }
        let outcome = try sock.outcome()
        #expect(outcome.status == 0)
        #expect(outcome.text == "hello yourself")
        #expect(outcome.errors.isEmpty)
    }

    @Test("sock sends 16 MiB to an echo server and receives the bytes unchanged")
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

    @Test("sock exits with status 56 after a connection reset")
    func reset() throws {
        let peer = try Peer { client in
            _ = try client.receive(timeout: .seconds(20))
            try client.sendAll("part")
            try client.setOption(.linger, to: .zero)
            client.close()
        }
        let sock = try RunningSock("127.0.0.1", peer.port)
        sock.write("hello")
        let outcome = try sock.outcome()
        #expect(outcome.status == 56)
        #expect(outcome.errors.contains("connection reset by peer"))
        #expect(outcome.errorLines.count == 2)
    }

    @Test("bytes that --send-only discards do not count as received")
    func discardedBytes() throws {
        for (flag, count) in [("-vN", "5 bytes"), ("-v", "0 bytes")] {
            let peer = try Peer { client in
                _ = try client.receive(timeout: .seconds(20))
                try client.sendAll("reply")
                _ = try client.receiveToEnd()
            }
            let words = [flag] + (flag == "-v" ? ["--send-only"] : [])
            let outcome = try SockProgram.run(words + ["127.0.0.1", peer.port], input: "x")
            #expect(outcome.status == 0)
            #expect(outcome.errors.hasSuffix("sent 1 byte, received \(count)\n"), "\(outcome)")
        }
    }

    @Test("sock exits with status 55 or 56 if the peer does not read the input")
    func notDelivered() throws {
        let peer = try Peer { client in
            try client.sendAll("enough")
            try client.shutdown(.write)
            // Closes while more input is arriving.
            _ = try client.receive(atMost: 1, timeout: .seconds(20))
        }
        let outcome = try SockProgram.shell("yes | \"$SOCK\" 127.0.0.1 \(peer.port)")
        #expect([55, 56].contains(outcome.status))
        #expect(outcome.text == "enough")
    }

    @Test("sock forwards input after the peer half-closes")
    func halfClosedPeer() throws {
        let received = Monitor<Int?>(nil)
        let peer = try Peer { client in
            try client.shutdown(.write)
            let count = try client.receiveToEnd().count
            received.update { $0 = count }
        }
        let outcome = try SockProgram.shell(
            "(for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done) | \"$SOCK\" 127.0.0.1 \(peer.port)"
        )
        #expect(outcome.status == 0)
        #expect(received.wait(atMost: .seconds(20)) { $0 == 12 })
    }

    @Test("sock sends all input to a peer that half-closes and then pauses")
    func pausingPeer() throws {
        let received = Monitor<Int?>(nil)
        let peer = try Peer { client in
            try client.shutdown(.write)
            // Receive only when the buffers have been full for longer than a peer may take to close.
            let end = ContinuousClock.now.advanced(by: .seconds(20))
            var isLong = false
            while !isLong, ContinuousClock.now < end {
                let statistics = try client.diagnose(watching: .milliseconds(100)).statistics
                isLong =
                    statistics.receiveQueue ?? 0 > 0
                    && statistics.timeSinceLastReceive ?? .zero > .milliseconds(2500)
            }
            let count = try client.receiveToEnd().count
            received.update { $0 = count }
        }
        let sock = try RunningSock("127.0.0.1", peer.port)
        Thread.detachNewThread {
            sock.write(String(repeating: "x", count: 20_000_000))
            sock.endInput()
        }
        #expect(try sock.outcome().status == 0)
        #expect(received.wait(atMost: .seconds(20)) { $0 == 20_000_000 })
    }

    @Test("input that begins 3 s after the peer's half-close is sent")
    func lateInput() throws {
        let received = Monitor<[UInt8]?>(nil)
        let peer = try Peer { client in
            try client.sendAll("bye")
            try client.shutdown(.write)
            let bytes = try client.receiveToEnd()
            received.update { $0 = bytes }
        }
        let outcome = try SockProgram.shell(
            "(sleep 3; echo dump) | \"$SOCK\" 127.0.0.1 \(peer.port)")
        #expect(outcome.status == 0)
        #expect(outcome.text == "bye")
        #expect(received.wait(atMost: .seconds(20)) { $0 == Array("dump\n".utf8) })
    }

    @Test("--send-only sends input that begins 1 s after the peer's half-close")
    func lateInputToSendOnly() throws {
        let received = Monitor<[UInt8]?>(nil)
        let peer = try Peer { client in
            try client.shutdown(.write)
            let bytes = try client.receiveToEnd()
            received.update { $0 = bytes }
        }
        let outcome = try SockProgram.shell(
            "(sleep 1; echo dump) | \"$SOCK\" --send-only 127.0.0.1 \(peer.port)")
        #expect(outcome.status == 0)
        #expect(received.wait(atMost: .seconds(20)) { $0 == Array("dump\n".utf8) })
    }

    @Test("--send-only on a terminal exits with status 55 if the peer half-closes first")
    func sendOnlyOnTerminal() throws {
        let terminal = try Terminal()
        let mayClose = Monitor(false)
        let peer = try Peer { client in
            try client.shutdown(.write)
            mayClose.wait(atMost: .seconds(20)) { $0 }
        }
        defer { mayClose.update { $0 = true } }
        let outcome = try SockProgram.shell(
            "\"$SOCK\" --send-only 127.0.0.1 \(peer.port) <\(terminal.path)")
        #expect(outcome.status == 55)
        #expect(
            outcome.errors == "sock: cannot send more to 127.0.0.1:\(peer.port):"
                + " it ended the connection before the input ended\n")
    }

    @Test("-w 1 does not half-close before an answer that takes 0.7 s")
    func answerWithinShortLimit() throws {
        let peer = try Peer { client in
            _ = try client.receive(timeout: .seconds(20))
            do throws(SocketError) {
                // A half-close ends this wait, and no answer follows.
                _ = try client.receive(timeout: .milliseconds(700))
            } catch {
                try client.sendAll("answer")
            }
        }
        let outcome = try SockProgram.run("-w", "1", "127.0.0.1", peer.port, input: "request")
        #expect(outcome.status == 0)
        #expect(outcome.text == "answer")
    }

    @Test("a server that stops at a half-close gets 1 s to answer, unless -N is given")
    func quietHalfClose() throws {
        for flag in ["-v", "-vN"] {
            let peer = try Peer { client in
                _ = try client.receive(timeout: .seconds(20))
                do throws(SocketError) {
                    // A half-close ends this wait, and no answer follows.
                    _ = try client.receive(timeout: .milliseconds(500))
                } catch {
                    try client.sendAll("answer")
                }
            }
            let outcome = try SockProgram.run(flag, "127.0.0.1", peer.port, input: "request")
            #expect(outcome.status == 0)
            #expect(outcome.text == (flag == "-v" ? "answer" : ""))
            #expect(outcome.errors.contains("--no-shutdown") == (flag == "-vN"))
        }
    }

    @Test("input that is empty from the start causes no half-close, unless -N is given")
    func emptyInput() throws {
        for flags in [[], ["-N"]] {
            let isEnded = Monitor<Bool?>(nil)
            let peer = try Peer { client in
                do throws(SocketError) {
                    let bytes = try client.receive(timeout: .seconds(2))
                    isEnded.update { $0 = bytes.isEmpty }
                } catch {
                    isEnded.update { $0 = false }
                }
            }
            #expect(try SockProgram.run(flags + ["127.0.0.1", peer.port]).status == 0)
            #expect(isEnded.wait(atMost: .seconds(20)) { $0 != nil })
            #expect(isEnded.update { $0 } == !flags.isEmpty)
        }
    }

    @Test(
        "-w ends sock at its limit even if the peer does not read", arguments: [[], ["half-close"]])
    func silenceWhileSending(peers: [String]) throws {
        let isOver = Monitor(false)
        let peer = try Peer { client in
            if !peers.isEmpty { try client.shutdown(.write) }
            isOver.wait(atMost: .seconds(20)) { $0 }
        }
        defer { isOver.update { $0 = true } }
        let start = ContinuousClock.now
        let outcome = try SockProgram.shell("\"$SOCK\" -w 2 127.0.0.1 \(peer.port) </dev/zero")
        let time = start.duration(to: .now)
        #expect(outcome.status == 28)
        // Starting the programs and filling the buffers takes a little longer.
        #expect(time >= .seconds(2) && time < .milliseconds(2500), "\(time)")
    }

    @Test("blocked output counts towards the idle limit of -w")
    func blockedOutput() throws {
        let peer = try Peer { client in
            while true { try client.sendAll([UInt8](repeating: 7, count: 65_536)) }
        }
        let start = ContinuousClock.now
        let outcome = try SockProgram.shell(
            "\"$SOCK\" -w 1 127.0.0.1 \(peer.port) </dev/null | (sleep 3; wc -c >&2);"
                + " exit ${PIPESTATUS[0]}")
        #expect(outcome.status == 28)
        #expect(start.duration(to: .now) < .seconds(6))
    }

    @Test("sock -w exits with status 28 after the idle time")
    func silence() throws {
        let peer = try Peer { client in _ = try client.receiveToEnd() }
        let sock = try RunningSock("-w", "200ms", "127.0.0.1", peer.port)
        let outcome = try sock.outcome()
        #expect(outcome.status == 28)
        #expect(
            outcome.errorLines.first
                == "sock: cannot exchange data with 127.0.0.1:\(peer.port):"
                + " both directions were silent for 200 ms")
    }

    @Test("sock -q exits with status 0 after the end of input even if the peer stays connected")
    func quit() throws {
        let hasEnded = Monitor(false)
        let peer = try Peer { client in
            try client.sendAll("x")
            _ = try client.receiveToEnd()
            hasEnded.wait(atMost: .seconds(20)) { $0 }
        }
        defer { hasEnded.update { $0 = true } }
        let start = ContinuousClock.now
        let outcome = try SockProgram.run("-q", "0.2", "127.0.0.1", peer.port, input: "hello")
        #expect(outcome.status == 0)
        #expect(start.duration(to: .now) < .seconds(4))
    }

    @Test("sock exits with status 23 if a write to standard output fails")
    func full() throws {
        let peer = try Peer { client in try client.sendAll("x") }
        let outcome = try SockProgram.shell(
            "\"$SOCK\" 127.0.0.1 \(peer.port) </dev/null >/dev/full")
        #expect(outcome.status == 23)
    }

    @Test("sock -v prints both addresses and the byte counts on standard error")
    func verbose() throws {
        let peer = try Peer { client in try client.sendAll(client.receiveToEnd() + [33]) }
        let outcome = try SockProgram.run("-v", "127.0.0.1", peer.port, input: "abc")
        #expect(outcome.text == "abc!")
        #expect(
            outcome.errors.hasPrefix("sock: connected to 127.0.0.1:\(peer.port) from 127.0.0.1:"))
        #expect(outcome.errors.hasSuffix("sock: sent 3 bytes, received 4 bytes\n"))
    }
}
