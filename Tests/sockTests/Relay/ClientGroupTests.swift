import Foundation
import Sockets
import Testing

@Suite(.ownThread)
struct ClientGroupTests {
    private func connect(_ port: String) throws -> Socket {
        try Socket(to: .tcp("127.0.0.1", port: Sockets.Port(parsing: port)))
    }

    @Test("every client receives the input, and standard output receives the clients' bytes")
    func broadcast() throws {
        let listener = try RunningSock("-lkv", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let port = try listener.port()
        let (one, two) = (try connect(port), try connect(port))
        try listener.waitForErrors { $0.split(separator: "\n").count == 3 }
        listener.write("news")
        for client in [one, two] {
            #expect(try client.receive(timeout: .seconds(10)) == Array("news".utf8))
        }
        try one.sendAll("from one")
        try listener.waitForOutput("from one")
        try two.sendAll("from two")
        try listener.waitForErrors {
            $0.hasSuffix("sock: from \(one.localAddress):\nsock: from \(two.localAddress):\n")
        }
    }

    @Test("a label precedes the lines of each client if output and messages share a pipe")
    func labels() throws {
        let listener = try RunningSock(
            ["-c", "exec \"$SOCK\" -lkv 127.0.0.1 0 2>&1"], program: "/bin/bash")
        let port = Monitor<String?>(nil)
        try listener.waitForOutput { text in
            let address = text.split(separator: "\n").first?.split(separator: " ").last
            port.update { $0 = address?.split(separator: ":").last.map(String.init) }
            return text.hasSuffix("\n")
        }
        let number = try #require(port.update { $0 })
        let clients = [try connect(number), try connect(number)]
        listener.endInput()
        var lines = 0
        for index in 0..<100 {
            let client = clients[index % 2]
            try client.sendAll("LINE \(client.localAddress)\n")
            lines += 1
            if index % 10 == 9 {
                try listener.waitForOutput {
                    $0.split(separator: "\n").count { $0.hasPrefix("LINE") } == lines
                }
            }
        }
        for client in clients { client.close() }
        try listener.waitForOutput { $0.components(separatedBy: "disconnected").count == 3 }
        listener.send(signal: 15)
        var (label, connected, gone) = ("", Set<String>(), Set<String>())
        for line in try listener.outcome().text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if line.contains("Connection from ") { connected.insert(words.last ?? "") }
            if line.contains("disconnected") { gone.insert(words[1]) }
            if line.hasPrefix("sock: from ") { label = String(words[2].dropLast()) }
            guard line.hasPrefix("LINE ") else { continue }
            #expect(words[1] == label)
            #expect(connected.contains(label) && !gone.contains(label))
        }
    }

    @Test("a client that connects after the end of input can send but receives nothing")
    func late() throws {
        let listener = try RunningSock("-lk", "127.0.0.1", "0")
        let port = try listener.port()
        listener.write("only once")
        listener.endInput()
        #expect(try connect(port).receiveToEnd() == Array("only once".utf8))
        let late = try connect(port)
        let error = #expect(throws: SocketError.self) {
            try late.receive(timeout: .milliseconds(1500))
        }
        #expect(error?.isTimeout == true)
        try late.sendAll("still heard")
        late.close()
        try listener.waitForOutput("still heard")
        listener.send(signal: 15)
        #expect(try listener.outcome().status == 0)
    }

    @Test("the reset of one client does not affect other clients")
    func reset() throws {
        let listener = try RunningSock("-lkv", "127.0.0.1", "0")
        let port = try listener.port()
        let resetting = try connect(port)
        try listener.waitForErrors { $0.contains("Connection from") }
        try resetting.setOption(.linger, to: .zero)
        resetting.close()
        try listener.waitForErrors { $0.contains("connection reset") }
        let other = try connect(port)
        try other.sendAll("hello")
        try listener.waitForOutput("hello")
        listener.send(signal: 15)
        #expect(try listener.outcome().status == 0)
    }

    @Test("sock -lk exits with status 23 if a write to standard output fails")
    func full() throws {
        let listener = try RunningSock(
            ["-c", "exec \"$SOCK\" -lk 127.0.0.1 0 >/dev/full"], program: "/bin/bash")
        try connect(listener.port()).sendAll("x")
        #expect(try listener.outcome().status == 23)
    }

    @Test("sock -lk sends all input to 200 clients with at most 7 threads")
    func many() throws {
        let listener = try RunningSock("-lkv", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let port = try listener.port()
        let clients = try (0..<200).map { _ in try connect(port) }
        // Standard error has a line with the port and a line for each client.
        try listener.waitForErrors { $0.split(separator: "\n").count == 201 }
        listener.write("to all clients")
        listener.endInput()
        for client in clients {
            #expect(try client.receiveToEnd() == Array("to all clients".utf8))
        }
        // The threads are the main thread, one loop, and one thread each for signals, output,
        // messages and times. A sanitizer adds one thread.
        #expect((6...7).contains(try #require(try listener.threadCount())))
    }

    @Test("bytes received before SIGTERM are written even to a late reader")
    func bulk() throws {
        // The reader of the output starts when the test writes to the FIFO.
        let path = try temporaryFolder() + "/start"
        #expect(mkfifo(path, 0o600) == 0)
        let listener = try RunningSock(
            ["-c", "exec \"$SOCK\" -lkv 127.0.0.1 0 > >(read -r _ <\"\(path)\"; wc -c)"],
            program: "/bin/bash")
        let client = try connect(listener.port())
        // The bytes exceed the capacity of a pipe, but not that of the program's queue.
        let bytes = [UInt8](repeating: 1, count: 200_000)
        try client.sendAll(bytes, timeout: .seconds(20))
        client.close()
        listener.endInput()
        try listener.waitForErrors { $0.contains("disconnected; sent 0 bytes, received 200.0 kB") }
        listener.send(signal: 15)
        try Data("\n".utf8).write(to: URL(fileURLWithPath: path))
        let outcome = try listener.outcome()
        #expect(outcome.status == 0)
        #expect(outcome.text == "200000\n")
    }

    @Test("sock -lk -w disconnects an idle client and keeps serving")
    func idle() throws {
        let listener = try RunningSock("-lkv", "-w", "200ms", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let port = try listener.port()
        let idle = try connect(port)
        #expect(try idle.receiveToEnd().isEmpty)
        try listener.waitForErrors {
            $0.hasSuffix(
                "sock: disconnected \(idle.localAddress): both directions were silent for 200 ms\n"
                    + "sock: \(idle.localAddress) disconnected; sent 0 bytes, received 0 bytes\n")
        }
        let next = try connect(port)
        try next.sendAll("hello")
        try listener.waitForOutput("hello")
    }

    @Test("input that arrives after the last client has left is sent to the next client")
    func kept() throws {
        let listener = try RunningSock("-lkv", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let port = try listener.port()
        let first = try connect(port)
        try first.sendAll("x")
        try listener.waitForOutput("x")
        try first.setOption(.linger, to: .zero)
        first.close()
        try listener.waitForErrors { $0.contains("disconnected") }
        listener.write("news")
        #expect(try connect(port).receive(timeout: .seconds(10)) == Array("news".utf8))
    }

    @Test("a client that half-closed gets input that begins 3 s later")
    func lateInput() throws {
        let listener = try RunningSock(
            ["-c", "exec \"$SOCK\" -lkv 127.0.0.1 0 < <(sleep 3; echo dump)"], program: "/bin/bash")
        defer { listener.send(signal: 15) }
        let client = try connect(listener.port())
        try client.shutdown(.write)
        #expect(try client.receiveToEnd() == Array("dump\n".utf8))
    }

    @Test("-w disconnects a client of sock -lk while the output is blocked")
    func blockedOutput() throws {
        let fifo = try temporaryFolder() + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        let listener = try RunningSock(
            [
                "-c",
                "exec 3<>\"\(fifo)\"; exec \"$SOCK\" -lkv -w 1 127.0.0.1 0 >\"\(fifo)\"",
            ], program: "/bin/bash")
        defer { listener.send(signal: 15) }
        let client = try connect(listener.port())
        #expect(throws: SocketError.self) {
            while true {
                try client.sendAll([UInt8](repeating: 7, count: 65_536), timeout: .seconds(20))
            }
        }
        try listener.waitForErrors { $0.contains("disconnected") }
    }

    @Test("a closed output pipe ends sock -lk with SIGPIPE")
    func pipe() throws {
        let listener = try RunningSock(
            ["-c", "\"$SOCK\" -lk 127.0.0.1 0 | exec true; echo \"status ${PIPESTATUS[0]}\""],
            program: "/bin/bash")
        let client = try connect(listener.port())
        // The other end of the pipe may close after the port is printed.
        while (try? client.sendAll("x")) != nil {}
        #expect(try listener.outcome().text == "status 141\n")
    }

    @Test("sock -lkU serves Unix clients, which have no address")
    func unix() throws {
        let listener = try RunningSock("-lkvU", "@sock-\(UInt64.random(in: 0 ... .max))")
        defer { listener.send(signal: 15) }
        let errors = try listener.waitForErrors { $0.contains("Listening on ") }
        listener.endInput()
        let name = errors.split(separator: " ").last.map { $0.dropLast() } ?? ""
        #expect(try SockProgram.run("-U", String(name), input: "hello").status == 0)
        try listener.waitForOutput("hello")
        try listener.waitForErrors { $0.contains("Connection from a client without an address") }
    }

    @Test("a client of sock -lk that sends 200 kB receives the whole input, and no reset")
    func longRequest() throws {
        let listener = try RunningSock("-lk", "127.0.0.1", "0")
        defer { listener.send(signal: 15) }
        let client = try connect(listener.port())
        try client.sendAll([UInt8](repeating: 7, count: 200_000))
        listener.write("answer")
        listener.endInput()
        #expect(try client.receiveToEnd() == Array("answer".utf8))
    }
}
