import Foundation
import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct StandardStreamsTests {
    @Test("read returns all written bytes, and 0 at end of file")
    func pipe() throws {
        let (reader, writer) = try FileDescriptor.pipe()
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
        Worker.start {
            try? StandardStream(writer).write(bytes[...])
            try? writer.close()
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1000)
        while case let count = try StandardStream(reader).read(into: &buffer), count > 0 {
            received += buffer[..<count]
        }
        #expect(received == bytes)
        try reader.close()
    }

    @Test("read and write on a non-blocking pipe wait instead of failing")
    func nonBlocking() throws {
        let (reader, writer) = try FileDescriptor.pipe()
        _ = fcntl(reader.rawValue, F_SETFL, O_NONBLOCK)
        _ = fcntl(writer.rawValue, F_SETFL, O_NONBLOCK)
        let bytes = [UInt8](repeating: 7, count: 300_000)
        Worker.start {
            try? StandardStream(writer).write(bytes[...])
            try? writer.close()
        }
        var count = 0
        var buffer = [UInt8](repeating: 0, count: 1000)
        while case let piece = try StandardStream(reader).read(into: &buffer), piece > 0 {
            count += piece
        }
        #expect(count == bytes.count)
        try reader.close()
    }

    @Test("isTerminal is false for a pipe, and reading a closed descriptor throws EBADF")
    func errors() throws {
        let (reader, writer) = try FileDescriptor.pipe()
        #expect(!StandardStream(reader).isTerminal)
        try reader.close()
        var buffer = [UInt8](repeating: 0, count: 1)
        let closed = StandardStream(FileDescriptor(rawValue: 1_000_000))
        #expect(throws: Errno.badFileDescriptor) { try closed.read(into: &buffer) }
        try writer.close()
    }

    @Test(
        "the width without a terminal is COLUMNS if valid, and otherwise 80",
        arguments: [("100", 100), ("", 80), ("0", 80), ("-5", 80), ("wide", 80), ("99999", 80)])
    func width(columns: String, expected: Int) throws {
        let outcome = try SockProgram.shell("COLUMNS='\(columns)' \"$SOCK\" tour | head")
        let rule = outcome.text.split(separator: "\n").first { $0.hasPrefix("─") }
        #expect(rule?.count == expected)
    }

    @Test("a closed standard input is treated as empty input")
    func gaps() throws {
        let peer = try Peer { client in try client.sendAll("seen") }
        let outcome = try SockProgram.shell("\"$SOCK\" 127.0.0.1 \(peer.port) <&-")
        #expect(outcome.status == 0)
        #expect(outcome.text == "seen")
    }

    @Test("closed standard streams are filled without /dev/null, and closed output gives status 23")
    func gapsWithoutDevices() throws {
        let peer = try Peer { client in try client.sendAll("seen") }
        let outcome = try SockProgram.shell(
            """
            "$SOCK" 127.0.0.1 \(peer.port) <&- >&- 2>&-
            echo $?
            coproc { exec "$SOCK" -lv 127.0.0.1 0 2>&1 <&-; }
            read -r _ <&"${COPROC[0]}"
            readlink "/proc/$COPROC_PID/fd/0"
            kill "$COPROC_PID"
            """)
        #expect(outcome.text == "23\n/\n")
    }

    @Test("a terminal that has hung up does not end the input")
    func hungUpTerminal() throws {
        let terminal = try Terminal()
        let listener = try RunningSock(
            ["-c", "exec \"$SOCK\" -l 127.0.0.1 0 <\(terminal.path)"], program: "/bin/bash")
        let client = try Socket(to: .tcp("127.0.0.1", port: Port(parsing: listener.port())))
        terminal.hangUp()
        try client.sendAll("hello")
        try listener.waitForOutput("hello")
        let error = #expect(throws: SocketError.self) {
            try client.receive(timeout: .milliseconds(1500))
        }
        #expect(error?.isTimeout == true)
        client.close()
        #expect(try listener.outcome().status == 0)
    }

    @Test("write-only standard input, as with nohup, is treated as no input")
    func unreadable() throws {
        let listener = try RunningSock(
            ["-c", "exec \"$SOCK\" -l 127.0.0.1 0 0>/dev/null"], program: "/bin/bash")
        let outcome = try SockProgram.run("127.0.0.1", listener.port(), input: "hello")
        #expect(outcome.status == 0)
        let received = try listener.outcome()
        #expect(received.status == 0)
        #expect(received.text == "hello")
        #expect(received.errorLines.count == 1)
    }
}
