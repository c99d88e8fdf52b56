import Foundation
import Sockets
import Testing

@Suite(.ownThread)
struct SignalsTests {
    @Test("a client that receives SIGINT, SIGTERM or SIGHUP dies of that signal")
    func client() throws {
        let server = try RunningSock("serve", "echo", "0")
        defer { server.send(signal: SIGTERM) }
        let port = try server.port()
        for number in [SIGINT, SIGTERM, SIGHUP] {
            let client = try RunningSock("-v", "127.0.0.1", port)
            try client.waitForErrors { $0.contains("connected") }
            client.send(signal: number)
            let outcome = try client.outcome()
            #expect(outcome.isSignaled && outcome.status == 128 + number)
        }
    }

    @Test(
        "a server exits with status 0 after SIGTERM, and dies of SIGINT and SIGHUP",
        arguments: [
            ["-l", "127.0.0.1", "0"], ["-lk", "127.0.0.1", "0"], ["-lu", "127.0.0.1", "0"],
            ["serve", "echo", "0"],
        ])
    func servers(line: [String]) throws {
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let server = try RunningSock(line)
            _ = try server.port()
            // A signal may arrive as soon as the address is printed.
            server.send(signal: signal)
            let outcome = try server.outcome()
            #expect(outcome.status == (signal == SIGTERM ? 0 : 128 + signal))
            #expect(outcome.isSignaled == (signal != SIGTERM))
        }
    }

    @Test(
        "a signal that ends a listener removes its socket file",
        arguments: ["-lU", "-lkU", "-luU"],
        [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGALRM, SIGUSR1, SIGXFSZ, 64])
    func socketFile(flags: String, number: Int32) throws {
        let path = try temporaryFolder() + "/s"
        // Without a reader, the first byte of output raises SIGPIPE.
        let redirection = number == SIGPIPE ? "| exec true; exit ${PIPESTATUS[0]}" : ""
        let exec = number == SIGPIPE ? "" : "exec "
        let listener = try RunningSock(
            ["-c", "\(exec)\"$SOCK\" \(flags)v \"\(path)\" \(redirection)"], program: "/bin/bash")
        try listener.waitForErrors { $0.contains("Listening") }
        if number == SIGPIPE {
            let udp = flags.contains("u") ? ["-u"] : []
            let client = try RunningSock(udp + ["-U", path])
            client.write("x")
            client.endInput()
            _ = try client.outcome()
        } else {
            listener.send(signal: number)
        }
        #expect(try listener.outcome().status == (number == SIGTERM ? 0 : 128 + number))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(
        "a listener that ends with an error removes its socket file", arguments: ["-lkU", "-luU"])
    func socketFileAfterError(flags: String) throws {
        let path = try temporaryFolder() + "/s"
        let listener = try RunningSock(
            ["-c", "exec \"$SOCK\" \(flags)v \"\(path)\" >/dev/full"], program: "/bin/bash")
        try listener.waitForErrors { $0.contains("Listening") }
        let client = try RunningSock((flags.contains("u") ? ["-u"] : []) + ["-U", path])
        client.write("x")
        #expect(try listener.outcome().status == 23)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(
        "SIGTERM ends a listener within 1 s even if its output is blocked",
        arguments: [["-l"], ["-lk"], ["-lu"]])
    func blockedOutput(flags: [String]) throws {
        let fifo = try temporaryFolder() + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        // The reader that keeps the FIFO open reads nothing.
        let listener = try RunningSock(
            [
                "-c",
                "exec 3<>\"\(fifo)\"; exec \"$SOCK\" \(flags[0]) 127.0.0.1 0 >\"\(fifo)\"",
            ], program: "/bin/bash")
        let port = try Port(parsing: listener.port())
        let isDatagram = flags == ["-lu"]
        let client = try Socket(
            to: isDatagram ? .udp("127.0.0.1", port: port) : .tcp("127.0.0.1", port: port))
        let bytes = [UInt8](repeating: 1, count: isDatagram ? 60_000 : 4_000_000)
        if isDatagram {
            for _ in 0..<4 { try client.send(bytes) }
        } else {
            // More than the FIFO, the program and the kernel hold, so this does not return.
            _ = try? client.sendAll(bytes, timeout: .milliseconds(500))
        }
        listener.waitUntilBlocked()
        let start = ContinuousClock.now
        listener.send(signal: SIGTERM)
        #expect(try listener.outcome().status == 0)
        #expect(start.duration(to: .now) < .seconds(1))
    }

    @Test(
        "a client receives EOF if SIGTERM or -w ends its connection while output is blocked",
        arguments: [["-l"], ["-lk"], ["-l", "-w", "2"], ["-lk", "-w", "2"]])
    func cleanEnd(flags: [String]) throws {
        let fifo = try temporaryFolder() + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        let listener = try RunningSock(
            [
                "-c",
                "exec 3<>\"\(fifo)\"; exec \"$SOCK\" \(flags.joined(separator: " ")) 127.0.0.1 0"
                    + " >\"\(fifo)\"",
            ], program: "/bin/bash")
        let client = try Socket(to: .tcp("127.0.0.1", port: Port(parsing: listener.port())))
        // More than the FIFO, the program and the kernel hold, so this does not return.
        let bytes = [UInt8](repeating: 1, count: 8_000_000)
        _ = try? client.sendAll(bytes, timeout: .milliseconds(500))
        listener.waitUntilBlocked()
        if !flags.contains("-w") { listener.send(signal: SIGTERM) }
        #expect(try client.receiveToEnd().isEmpty)
        client.close()
        if flags.first == "-lk", flags.contains("-w") { listener.send(signal: SIGTERM) }
        #expect(try listener.outcome().status == (flags == ["-l", "-w", "2"] ? 28 : 0))
    }

    @Test("SIGQUIT ends serve and doctor --watch without a crash report")
    func quit() throws {
        let server = try RunningSock("serve", "echo", "0")
        _ = try server.port()
        server.send(signal: SIGQUIT)
        let served = try server.outcome()
        #expect(served.isSignaled && served.status == 128 + SIGQUIT)
        #expect(served.errorLines.allSatisfy { $0.hasPrefix("Listening on ") })
        let doctor = try RunningSock("doctor", "--watch", "--all")
        try doctor.waitForOutput { !$0.isEmpty }
        doctor.send(signal: SIGQUIT)
        let watched = try doctor.outcome()
        #expect(watched.isSignaled && watched.status == 128 + SIGQUIT)
        #expect(!watched.errors.contains("crash"))
    }

    @Test("a second signal ends a server at once")
    func second() throws {
        let server = try RunningSock("serve", "echo", "0")
        let client = try Socket(to: .tcp("127.0.0.1", port: Port(parsing: server.port())))
        try client.sendAll("x")
        #expect(try client.receive(timeout: .seconds(10)) == [120])
        // Serving continues for 1 s, because the client stays connected.
        server.send(signal: SIGTERM)
        server.send(signal: SIGINT)
        let outcome = try server.outcome()
        #expect(outcome.isSignaled)
    }

    @Test("signals that the parent ignores do not end a listener")
    func ignored() throws {
        let outcome = try SockProgram.shell(
            """
            trap '' HUP INT
            coproc { exec "$SOCK" -l 127.0.0.1 0 2>&1; }
            read -r _ <&"${COPROC[0]}"
            kill -HUP "$COPROC_PID"
            kill -INT "$COPROC_PID"
            kill -TERM "$COPROC_PID"
            wait "$COPROC_PID"
            echo $?
            """)
        #expect(outcome.text == "0\n")
    }

    @Test("the program dies of SIGPIPE, like cat, if its output pipe is closed")
    func pipe() throws {
        let outcome = try SockProgram.shell(
            """
            coproc "$SOCK" serve chargen 0 2>&1
            read -r _ _ address _ <&"${COPROC[0]}"
            "$SOCK" "$address" </dev/null | head -c 10 >/dev/null
            echo "${PIPESTATUS[0]}"
            kill "$COPROC_PID"
            """)
        #expect(outcome.text == "141\n")
    }
}
