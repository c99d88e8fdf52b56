import Foundation
import Testing

@testable import sock

@Suite(.ownThread)
struct EnvironmentTests {
    @Test("a variable is its value, and nil when it is not there or empty")
    func variables() {
        setenv("SOCK_TEST_VARIABLE", "x", 1)
        #expect(Environment["SOCK_TEST_VARIABLE"] == "x")
        setenv("SOCK_TEST_VARIABLE", "", 1)
        #expect(Environment["SOCK_TEST_VARIABLE"] == nil)
        #expect(Environment["SOCK_NO_SUCH_VARIABLE"] == nil)
    }

    @Test("the wall clock is the one that everybody else has")
    func clock() {
        #expect(abs(Double(Environment.secondsSince1970) - Date().timeIntervalSince1970) < 5)
    }

    @Test("there is a processor to run on")
    func processors() {
        #expect(Environment.processorCount == ProcessInfo.processInfo.activeProcessorCount)
    }

    @Test("root is who has the number 0")
    func root() {
        #expect(Environment.isRoot == (getuid() == 0))
    }

    @Test("as many descriptors as are allowed can be had")
    func descriptors() throws {
        let outcome = try SockProgram.shell(
            """
            ulimit -Sn 64
            ulimit -Hn 128
            coproc { exec "$SOCK" serve echo 127.0.0.1 0 2>&1; }
            read -r _ <&"${COPROC[0]}"
            grep "open files" "/proc/$COPROC_PID/limits"
            kill "$COPROC_PID"
            """)
        #expect(outcome.text.split(separator: " ").dropFirst(3).prefix(2) == ["128", "128"])
    }
}
