import SocketDoctor
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct DoctorTextTests {
    private func text(
        _ examination: Analysis = StuckPair.examination(), drawn: Bool = false,
        color: Bool = false, width: Int = 80
    ) -> DoctorText {
        DoctorText(examination, isDrawn: drawn, hasColor: color, width: width)
    }

    @Test("an ailment is told in a heading, both ends, who waits, evidence and advice")
    func ailment() throws {
        let text = text()
        let ailment = try #require(text.examination.ailments.first)
        #expect(
            text.lines(of: ailment) == [
                "The peer is not reading for 12 s (peer-not-reading, certain)",
                "  ┌  client[4711] fd 3  127.0.0.1:40000  out 2000000  in 0",
                "  └  server[4712] fd 4  127.0.0.1:5432   out 0        in 65536",
                "  → client[4711] waits for server[4712] to read, in sendto on descriptor 3",
                "  client[4711] cannot get rid of 2000000 bytes, because server[4712] leaves",
                "  65536 bytes unread. server[4712] has been stopped by a signal.",
                "  Let it go on: kill -CONT 4712",
            ])
    }

    @Test("on a terminal queues are bars, and the heading has a colour")
    func terminal() throws {
        let text = text(drawn: true, color: true)
        let lines = text.lines(of: try #require(text.examination.ailments.first))
        #expect(lines[0].hasPrefix("\u{1B}[1;31m"))
        #expect(lines[0].hasSuffix("\u{1B}[0m"))
        #expect(lines[1].contains("out ████▌· 2.0 MB  in ······ 0 B"))
        #expect(lines[2].contains("out ······ 0 B     in ███··· 66 KB"))
    }

    @Test("no line is wider than the terminal, but for a table that has to be")
    func width() throws {
        let text = text(width: 60)
        let lines = text.lines(of: try #require(text.examination.ailments.first))
        #expect(lines.filter { !$0.contains("fd ") }.allSatisfy { $0.count <= 60 })
    }

    @Test("where bars have no room the numbers stand alone")
    func noRoom() throws {
        let text = text(drawn: true, width: 70)
        let lines = text.lines(of: try #require(text.examination.ailments.first))
        #expect(lines[1].hasSuffix("out 2000000  in 0"))
    }

    @Test("a stranger's name cannot move the cursor")
    func strangers() throws {
        let text = text(StuckPair.examination(clientName: "\u{1B}[2J\n"))
        let all = text.lines(of: try #require(text.examination.ailments.first)).joined()
        #expect(!all.contains("\u{1B}"))
        #expect(!all.contains("\n"))
        #expect(all.contains("\\x1b[2J\\x0a[4711]"))
    }

    @Test("healthy connections are a table with their verdicts")
    func healthy() {
        let text = text(StuckPair.examination(state: .sleeping))
        #expect(text.examination.ailments.isEmpty)
        #expect(
            text.table(ofHealthy: text.examination.connections) == [
                "┌  client[4711] fd 3  127.0.0.1:40000  out 0  in 0  idle",
                "└  server[4712] fd 4  127.0.0.1:5432   out 0  in 0",
            ])
    }

    @Test("ailments with the same cause are counted, and not told one by one")
    func alike() throws {
        let text = text()
        let one = try #require(text.examination.ailments.first)
        var other = one
        other.culprits = [9]
        let blocks = text.blocks(of: [one, one, other, one])
        #expect(blocks.count == 2)
        #expect(blocks[0].last == "  The same of 2 more connections.")
        #expect(blocks[1].last?.hasPrefix("  Let it go on") == true)
    }

    @Test("times are as long as people say them")
    func times() {
        #expect(Duration.milliseconds(640).told == "0.6 s")
        #expect(Duration.milliseconds(12_345).told == "12 s")
        #expect(Duration.seconds(300).told == "5 min")
        #expect(Duration.seconds(10_000).told == "2 h")
        #expect(Duration.seconds(400_000).told == "4 days")
    }

    @Test("words are cut at spaces, and a word that is too long stands alone")
    func wrapping() {
        let text = text(width: 40)
        let long = String(repeating: "x", count: 60)
        #expect(
            text.wrapped("a \(long) b", indent: " ", further: "  ") == [" a", "  \(long)", "  b"])
        #expect(text.wrapped("", indent: "  ", further: "  ").isEmpty)
    }
}
