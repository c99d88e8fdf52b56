import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct FailureTests {
    @Test("a Failure from a SocketError has the description, the status and a hint")
    func socketError() {
        let error = SocketError(
            .connect, .system(.connectionRefused), endpoint: .tcp("h", port: 80))
        let failure = Failure(error)
        #expect(failure.status == .unreachable)
        #expect(failure.message == "cannot connect to h:80: connection refused")
        #expect(failure.hint != nil)
    }

    @Test("a Failure from invalid input has the status `usage` and no hint")
    func usage() {
        let failure = Failure(
            SocketError(.parse, .invalidInput("expected digits"), subject: "port 'x'"))
        #expect(failure == Failure(.usage, "cannot parse port 'x': expected digits"))
    }

    @Test("a Failure from a UsageError keeps the hint")
    func hint() {
        let failure = Failure(UsageError("one", hint: "two"))
        #expect(failure == Failure(.usage, "one", hint: "two"))
    }
}
