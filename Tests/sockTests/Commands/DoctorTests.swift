import Foundation
import Sockets
import Testing

@Suite(.ownThread)
struct DoctorTests {
    /// Returns a connection within this process whose server end never reads.
    private func unreadPair() throws -> (sockets: [Socket], port: String) {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let client = try Socket(to: listener.localAddress)
        let server = try listener.accept(timeout: .seconds(10))
        try client.sendAll("hello")
        return ([listener, client, server], "\(listener.localAddress.port ?? 0)")
    }

    /// Runs the doctor until the bytes have waited long enough.
    private func diagnose(_ words: String...) throws -> SockProgram.Outcome {
        var outcome = try SockProgram.run(["doctor"] + words)
        for _ in 0..<5 where outcome.status == 0 {
            outcome = try SockProgram.run(["doctor"] + words)
        }
        return outcome
    }

    @Test("doctor prints a stuck connection with its process and exits with status 1")
    func stuck() throws {
        let pair = try unreadPair()
        let outcome = try diagnose(pair.port)
        #expect(outcome.status == 1)
        #expect(outcome.text.contains("(not-reading, "))
        #expect(outcome.text.contains("[\(getpid())] fd "))
        #expect(outcome.text.contains("5 bytes have waited for"))
        #expect(outcome.text.contains("\nFound 1 problem in "))
        withExtendedLifetime(pair.sockets) {}
    }

    @Test("doctor --json prints one object per line")
    func json() throws {
        let pair = try unreadPair()
        let outcome = try diagnose(pair.port, "--json", "--pid", "\(getpid())")
        #expect(outcome.status == 1)
        let lines = outcome.text.split(separator: "\n")
        #expect(lines.count == 1)
        let object = try JSONSerialization.jsonObject(with: Data(lines[0].utf8))
        #expect((object as? [String: Any])?["verdict"] as? String == "not-reading")
        withExtendedLifetime(pair.sockets) {}
    }

    @Test("doctor exits with status 0 for an idle connection, and --all lists the connection")
    func idle() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let client = try Socket(to: listener.localAddress)
        let server = try listener.accept(timeout: .seconds(10))
        let port = "\(client.localAddress.port ?? 0)"
        let brief = try SockProgram.run("doctor", port)
        #expect(brief.status == 0)
        #expect(brief.text == "Nothing is stuck: 2 sockets examined.\n")
        let all = try SockProgram.run("doctor", "--all", port)
        #expect(all.status == 0)
        #expect(all.text.contains("127.0.0.1:\(port)"))
        #expect(all.text.contains("  idle\n"))
        withExtendedLifetime(server) {}
    }

    @Test("doctor names a missing port, process or program in one line and exits with status 3")
    func missing() throws {
        for (words, part) in [
            (["1"], "port 1"), (["--pid", "4194305"], "process 4194305"),
            (["--program", "no-such-program"], "'no-such-program'"),
        ] {
            let outcome = try SockProgram.run(["doctor"] + words)
            #expect(outcome.status == 3)
            #expect(outcome.text.isEmpty)
            #expect(outcome.errorLines.count == 1)
            #expect(outcome.errors.contains(part))
        }
    }

    @Test(
        "doctor exits with status 2 if the command line is invalid",
        arguments: [["1", "2"], ["0"], ["--pid", "x"], ["-u"]])
    func usage(words: [String]) throws {
        let outcome = try SockProgram.run(["doctor"] + words)
        #expect(outcome.status == 2)
        #expect(outcome.text.isEmpty)
    }

    @Test("doctor --watch repeats the examination until SIGINT ends the program")
    func watch() throws {
        let pair = try unreadPair()
        let running = try RunningSock("doctor", "--watch", pair.port)
        // The first samples may be taken before the bytes have waited long enough.
        try running.waitForOutput(where: { $0.components(separatedBy: "(not-reading, ").count > 2 })
        running.send(signal: SIGINT)
        let outcome = try running.outcome()
        #expect(outcome.isSignaled)
        #expect(outcome.status == 128 + SIGINT)
        withExtendedLifetime(pair.sockets) {}
    }
}
