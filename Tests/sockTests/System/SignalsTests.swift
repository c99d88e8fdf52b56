import Foundation
import Testing

@Suite(.ownThread)
struct SignalsTests {
    @Test("SIGINT ends a client with status 130")
    func client() throws {
        let server = try RunningSock("serve", "echo", "0")
        defer { server.send(signal: SIGTERM) }
        let client = try RunningSock("-v", "127.0.0.1", try server.port())
        try client.waitForErrors { $0.contains("connected") }
        client.send(signal: SIGINT)
        #expect(try client.outcome().status == 130)
    }

    @Test(
        "SIGINT and SIGTERM end a server with status 0",
        arguments: [
            ["-l", "127.0.0.1", "0"], ["-lk", "127.0.0.1", "0"], ["-lu", "127.0.0.1", "0"],
            ["serve", "echo", "0"],
        ])
    func servers(line: [String]) throws {
        for signal in [SIGINT, SIGTERM] {
            let server = try RunningSock(line)
            _ = try server.port()
            // A signal may arrive as soon as the address is printed.
            server.send(signal: signal)
            #expect(try server.outcome().status == 0)
        }
    }

    @Test("a closed output pipe ends sock with SIGPIPE")
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
