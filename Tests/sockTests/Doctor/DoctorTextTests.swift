import SocketDoctor
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct DoctorTextTests {
    private func text(
        _ analysis: Analysis = StuckPair.analysis(), drawn: Bool = false,
        color: Bool = false, width: Int = 80
    ) -> DoctorText {
        DoctorText(analysis, isDrawn: drawn, hasColor: color, width: width)
    }

    @Test("a finding prints its heading, sockets, blocked calls, evidence and advice")
    func finding() throws {
        let text = text()
        let finding = try #require(text.analysis.findings.first)
        #expect(
            text.lines(of: finding) == [
                "The peer has not read for 12 s (peer-not-reading, certain)",
                "  ┌  client[4711] fd 3  127.0.0.1:40000  out 2000000  in 0",
                "  └  server[4712] fd 4  127.0.0.1:5432   out 0        in 65536",
                "  → client[4711] waits for server[4712] to read, in sendto on descriptor 3",
                "  client[4711] cannot send 2000000 bytes because server[4712] leaves 65536 bytes",
                "  unread. server[4712] has been stopped by a signal.",
                "  Let it continue: kill -CONT 4712",
            ])
    }

    @Test("terminal output has queue bars and a coloured heading")
    func terminal() throws {
        let text = text(drawn: true, color: true)
        let lines = text.lines(of: try #require(text.analysis.findings.first))
        #expect(lines[0].hasPrefix("\u{1B}[1;31m"))
        #expect(lines[0].hasSuffix("\u{1B}[0m"))
        #expect(lines[1].contains("out ████▌· 2.0 MB  in ······ 0 B"))
        #expect(lines[2].contains("out ······ 0 B     in ███··· 66 KB"))
    }

    @Test("no line except a table row is wider than the terminal")
    func width() throws {
        let text = text(width: 60)
        let lines = text.lines(of: try #require(text.analysis.findings.first))
        #expect(lines.filter { !$0.contains("fd ") }.allSatisfy { $0.count <= 60 })
    }

    @Test("numbers replace bars that do not fit into the terminal width")
    func narrowTerminal() throws {
        let text = text(drawn: true, width: 70)
        let lines = text.lines(of: try #require(text.analysis.findings.first))
        #expect(lines[1].hasSuffix("out 2000000  in 0"))
    }

    @Test("control characters in a program name are escaped")
    func escapedName() throws {
        let text = text(StuckPair.analysis(clientName: "\u{1B}[2J\n"))
        let all = text.lines(of: try #require(text.analysis.findings.first)).joined()
        #expect(!all.contains("\u{1B}"))
        #expect(!all.contains("\n"))
        #expect(all.contains("\\x1b[2J\\x0a[4711]"))
    }

    @Test(
        "a listener prints how many clients wait and how many may wait",
        arguments: [
            (2, 1, "2 of at most 2 clients wait"), (1, 128, "1 of at most 129 clients waits"),
        ])
    func waitingClients(waiting: Int, backlog: Int, expected: String) throws {
        var listener = MachineSocket(.tcp, cookie: 9, inode: 0, local: .ipv4(.any, port: 80))
        listener.isListening = true
        (listener.pendingConnections, listener.backlog) = (waiting, backlog)
        #expect(
            text().table([[listener]]) == ["─  (no program)  listens on 0.0.0.0:80  \(expected)"])
    }

    @Test(
        "a connection whose peer has closed prints `ended`, and `not yet accepted` if it is queued")
    func ended() {
        var end = MachineSocket(
            .tcp, cookie: 8, inode: 0, local: .ipv4(.loopback, port: 80),
            remote: .ipv4(.loopback, port: 4000))
        end.statistics.state = .closeWait
        (end.statistics.sendQueue, end.statistics.receiveQueue) = (0, 0)
        var listener = MachineSocket(.tcp, cookie: 9, inode: 7, local: .ipv4(.any, port: 80))
        listener.isListening = true
        let row = "127.0.0.1:80 → 127.0.0.1:4000  out 0  in 0, ended"
        #expect(text().table([[end]]) == ["─  (no program)  \(row)"])
        let machine = Machine(sockets: [end, listener])
        let queued = text(Analysis(MachineSamples(earlier: nil, later: machine)))
        #expect(queued.table([[end]]) == ["─  (not yet accepted)  \(row)"])
    }

    @Test("the holders of a port print with programs, PIDs and the user, or as hidden")
    func holders() {
        func sentence(
            _ kind: MachineSocket.Kind, _ ids: ClosedRange<Int32>?, isRoot: Bool = false
        ) -> String {
            var socket = MachineSocket(kind, cookie: 1, inode: 1, local: .ipv4(.any, port: 53))
            socket.isListening = kind == .tcp
            let processes = ids.map { $0.map { MachineProcess(id: $0, name: "dns") } } ?? []
            return DoctorText.sentence(
                about: PortHolder(socket: socket, processes: processes, user: "root"),
                isRoot: isRoot)
        }
        #expect(sentence(.tcp, 7...7) == "dns[7] listens on TCP port 0.0.0.0:53, as user root.")
        #expect(sentence(.udp, 7...8) == "dns[7], dns[8] have UDP port 0.0.0.0:53, as user root.")
        #expect(
            sentence(.tcp, 1...6)
                == "dns[1], dns[2], dns[3], dns[4] and 2 more listen on TCP port 0.0.0.0:53, as user"
                + " root.")
        #expect(
            sentence(.udp, nil)
                == "A program of user root has UDP port 0.0.0.0:53; it is hidden from this user, and"
                + " root can see it.")
        #expect(
            sentence(.udp, nil, isRoot: true)
                == "No visible program holds UDP port 0.0.0.0:53 of user root, so the kernel or another"
                + " sandbox may hold it.")
    }

    @Test("at most three slow readers print with their rates, and the others are counted")
    func slowReaders() throws {
        let text = text(width: 200)
        let ends = text.analysis.connections[0]
        let slow = Analysis.SlowReader(
            reader: ends[1], writer: ends[0], bytesPerSecond: 9_818, waiting: 2_553_344)
        let line =
            "Not stuck: server[4712] fd 4 reads slowly, 9818 bytes a second, and 2553344 bytes from"
            + " client[4711] fd 3 wait for it."
        #expect(text.lines(about: [slow]) == [line])
        #expect(
            text.lines(about: [slow, slow, slow, slow]) == [
                line, line, line, "Not stuck: 1 more program reads slowly.",
            ])
    }

    @Test("healthy connections print as a table with verdicts")
    func healthy() {
        let text = text(StuckPair.analysis(state: .sleeping))
        #expect(text.analysis.findings.isEmpty)
        #expect(
            text.table(ofHealthy: text.analysis.connections) == [
                "┌  client[4711] fd 3  127.0.0.1:40000  out 0  in 0  idle",
                "└  server[4712] fd 4  127.0.0.1:5432   out 0  in 0",
            ])
    }

    @Test("findings with the same cause are printed once with a count")
    func sameCause() throws {
        let text = text()
        let one = try #require(text.analysis.findings.first)
        var other = one
        other.blockers = [9]
        let blocks = text.blocks(of: [one, one, other, one])
        #expect(blocks.count == 2)
        #expect(blocks[0].last == "  The same applies to 2 more connections.")
        #expect(blocks[1].last?.hasPrefix("  Let it continue") == true)
    }

    @Test("a finding about an unclosed connection says how long ago the peer closed or half-closed")
    func notClosed() {
        func heading(_ confidence: StallReport.Confidence, isLowerBound: Bool = false) -> String {
            text().lines(
                of: Finding(
                    .notClosed, confidence, connections: [], stall: (.seconds(180), isLowerBound),
                    evidence: "", advice: ""))[0]
        }
        #expect(
            heading(.certain)
                == "The peer closed 3 min ago, but the program has not (not-closed, certain)")
        #expect(
            heading(.likely, isLowerBound: true)
                == "The peer closed or half-closed 3 min or longer ago, and the program has neither"
                + " sent nor closed (not-closed, likely)")
        #expect(
            heading(.possible)
                == "The peer closed or half-closed 3 min ago, and the program has neither sent nor"
                + " closed (not-closed, possible)")
    }

    @Test("unclosed connections of hidden programs are printed once for each user")
    func hiddenPrograms() {
        func finding(_ user: UInt32) -> Finding {
            var socket = MachineSocket(.tcp, cookie: 1, inode: 2)
            socket.user = user
            return Finding(
                .notClosed, .certain, connections: [[socket]], evidence: "", advice: "")
        }
        let blocks = text().blocks(of: [finding(5), finding(5), finding(6), finding(5)])
        #expect(blocks.count == 2)
        #expect(blocks[0].last == "  The same applies to 2 more connections.")
    }

    @Test("approximate durations are rounded to one unit")
    func times() {
        #expect(Duration.milliseconds(640).approximate == "0.6 s")
        #expect(Duration.milliseconds(12_345).approximate == "12 s")
        #expect(Duration.seconds(300).approximate == "5 min")
        #expect(Duration.seconds(10_000).approximate == "2 h")
        #expect(Duration.seconds(400_000).approximate == "4 days")
    }
}
