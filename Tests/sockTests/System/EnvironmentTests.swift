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
}
