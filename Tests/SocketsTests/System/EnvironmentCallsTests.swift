import Glibc
import Testing

@testable import Sockets

@Suite("Environment calls")
struct EnvironmentCallsTests {
    @Test("a variable that is empty or not set has no value")
    func values() async {
        // Run in a separate process, because the environment belongs to the whole process.
        await #expect(processExitsWith: .success) {
            setenv("SOCKETS_TEST_VALUE", "ä b", 1)
            setenv("SOCKETS_TEST_EMPTY", "", 1)
            unsetenv("SOCKETS_TEST_UNSET")
            #expect(System.getenv("SOCKETS_TEST_VALUE") == "ä b")
            #expect(System.getenv("SOCKETS_TEST_EMPTY") == nil)
            #expect(System.getenv("SOCKETS_TEST_UNSET") == nil)
        }
    }
}
