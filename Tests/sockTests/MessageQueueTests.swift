import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct MessageQueueTests {
    @Test("waitUntilWritten waits for messages, but returns at once after a wait that timed out")
    func waiting() {
        let isOpen = Monitor(false)
        let startedCount = Monitor(0)
        let written = Monitor("")
        let queue = MessageQueue { text in
            startedCount.update { $0 += 1 }
            isOpen.wait { $0 }
            written.update { $0 += text }
        }
        queue.start()
        queue.write("one\n")
        #expect(startedCount.wait(atMost: .seconds(20)) { $0 == 1 })
        queue.waitUntilWritten(atMost: .milliseconds(50))
        #expect(written.update { $0 } == "")
        let start = ContinuousClock.now
        queue.waitUntilWritten(atMost: .seconds(20))
        #expect(start.duration(to: .now) < .seconds(10))
        isOpen.update { $0 = true }
        #expect(written.wait(atMost: .seconds(20)) { $0 == "one\n" })
        queue.write("two\n")
        // Until the queue has noticed that the output accepts messages again, waits end at once.
        #expect(startedCount.wait(atMost: .seconds(20)) { $0 == 2 })
        queue.waitUntilWritten(atMost: .seconds(20))
        #expect(written.update { $0 } == "one\ntwo\n")
    }

    /// An output that keeps its text, and that a test can block.
    private final class Output: Sendable {
        private let state = Monitor((text: "", isBlocked: false, isWriting: false))

        func write(_ text: String) {
            state.update { $0.isWriting = true }
            state.wait { !$0.isBlocked }
            state.update {
                $0.isWriting = false
                $0.text += text
            }
        }

        func block() { state.update { $0.isBlocked = true } }
        func unblock() { state.update { $0.isBlocked = false } }
        func waitForWriter() { state.wait(atMost: .seconds(20)) { $0.isWriting } }
        func waitForText(endingWith end: String) {
            state.wait(atMost: .seconds(20)) { $0.text.hasSuffix(end) }
        }
        var text: String { state.update { $0.text } }
    }

    @Test("a message that is written before start is output at once")
    func direct() {
        let output = Output()
        let queue = MessageQueue(output: output.write)
        queue.write("one\n")
        #expect(output.text == "one\n")
    }

    @Test("finish returns after all messages are written in order")
    func order() {
        let output = Output()
        let queue = MessageQueue(output: output.write)
        queue.start()
        for number in 0..<100 { queue.write("\(number)\n") }
        queue.finish(timeout: .seconds(20))
        #expect(output.text == (0..<100).map { "\($0)\n" }.joined())
    }

    @Test("write does not wait for a blocked output, and the dropped messages are counted")
    func blocked() {
        let output = Output()
        let queue = MessageQueue(output: output.write)
        queue.start()
        output.block()
        queue.write("first\n")
        output.waitForWriter()
        let line = String(repeating: "x", count: 1023) + "\n"
        for _ in 0..<100 { queue.write(line) }
        // Reaches its limit, because the output is still blocked.
        queue.finish(timeout: .milliseconds(10))
        output.unblock()
        output.waitForText(endingWith: ": 36\n")
        #expect(
            output.text == "first\n" + String(repeating: line, count: 64)
                + "sock: messages dropped because standard error was blocked: 36\n")
    }

    @Test("a server with a blocked standard error serves clients and ends with status 0")
    func unreadServer() throws {
        let outcome = try SockProgram.shell(
            """
            pipe=$(mktemp -u)
            mkfifo "$pipe"
            exec 9<>"$pipe"
            rm "$pipe"
            "$SOCK" serve --threads 1 -v echo 127.0.0.1 0 2>&9 9>&- & server=$!
            read -r _ _ address _ <&9
            # The capacity of a pipe.
            head -c 65536 /dev/zero >&9
            for _ in 1 2 3; do "$SOCK" -z "$address"; done
            echo served | "$SOCK" -w 10 "$address"
            kill "$server"
            wait "$server"
            echo "ended with $?"
            """)
        #expect(outcome.text == "served\nended with 0\n")
    }
}
