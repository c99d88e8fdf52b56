import Foundation
import Testing

@testable import sock

@Suite(.ownThread)
struct EnvironmentTests {
    @Test("Environment returns the value of a variable, or nil if the variable is unset or empty")
    func variables() {
        setenv("SOCK_TEST_VARIABLE", "x", 1)
        #expect(Environment["SOCK_TEST_VARIABLE"] == "x")
        setenv("SOCK_TEST_VARIABLE", "", 1)
        #expect(Environment["SOCK_TEST_VARIABLE"] == nil)
        #expect(Environment["SOCK_NO_SUCH_VARIABLE"] == nil)
    }

    @Test("secondsSince1970 agrees with Foundation")
    func clock() {
        #expect(abs(Double(Environment.secondsSince1970) - Date().timeIntervalSince1970) < 5)
    }

    @Test("processorCount agrees with Foundation")
    func processors() {
        #expect(Environment.processorCount == ProcessInfo.processInfo.activeProcessorCount)
    }

    @Test("isRoot is true only for the user ID 0")
    func root() {
        #expect(Environment.isRoot == (getuid() == 0))
    }

    @Test("serve raises the soft limit of descriptors to the hard limit")
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
