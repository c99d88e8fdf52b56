import Foundation
import Testing

@testable import sock

@Suite(.ownThread)
struct NoteQueueTests {
    /// What was written, by somebody who can be made to wait.
    private final class Paper: Sendable {
        private let state = Monitor((text: "", isLocked: false, isWaiting: false))

        func write(_ text: String) {
            state.update { $0.isWaiting = true }
            state.wait { !$0.isLocked }
            state.update {
                $0.isWaiting = false
                $0.text += text
            }
        }

        func lock() { state.update { $0.isLocked = true } }
        func unlock() { state.update { $0.isLocked = false } }
        func awaitWriter() { state.wait(atMost: .seconds(20)) { $0.isWaiting } }
        var text: String { state.update { $0.text } }
    }

    @Test("before it is started, whoever says something writes it")
    func direct() {
        let paper = Paper()
        let notes = NoteQueue(write: paper.write)
        notes.say("one\n")
        #expect(paper.text == "one\n")
    }

    @Test("all that was said is written before it is finished, in order")
    func order() {
        let paper = Paper()
        let notes = NoteQueue(write: paper.write)
        notes.start()
        for number in 0..<100 { notes.say("\(number)\n") }
        notes.finish(atMost: .seconds(20))
        #expect(paper.text == (0..<100).map { "\($0)\n" }.joined())
    }

    @Test("who says something never waits for the writer, and what is left out is counted")
    func heldUp() {
        let paper = Paper()
        let notes = NoteQueue(write: paper.write)
        notes.start()
        paper.lock()
        notes.say("first\n")
        paper.awaitWriter()
        let line = String(repeating: "x", count: 1023) + "\n"
        for _ in 0..<100 { notes.say(line) }
        // Gives up, because the writer does not come back.
        notes.finish(atMost: .milliseconds(10))
        paper.unlock()
        let end = Date(timeIntervalSinceNow: 20)
        while !paper.text.hasSuffix("in time\n"), Date() < end {
            Thread.sleep(forTimeInterval: 0.001)
        }
        #expect(
            paper.text == "first\n" + String(repeating: line, count: 64)
                + "sock: 36 more of these could not be told in time\n")
    }

    @Test("a server whose words nobody reads serves its callers all the same, and can be stopped")
    func unreadServer() throws {
        let outcome = try SockProgram.shell(
            """
            pipe=$(mktemp -u)
            mkfifo "$pipe"
            exec 9<>"$pipe"
            rm "$pipe"
            "$SOCK" serve --threads 1 -v echo 127.0.0.1 0 2>&9 9>&- & server=$!
            read -r _ _ address _ <&9
            # All that a pipe holds.
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
