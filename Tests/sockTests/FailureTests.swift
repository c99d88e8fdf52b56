import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct FailureTests {
    @Test("a SocketError becomes its description, status and hint")
    func socketError() {
        let error = SocketError(
            .connect, .system(.connectionRefused), endpoint: .tcp("h", port: 80))
        let failure = Failure(error)
        #expect(failure.status == .unreachable)
        #expect(failure.message == "cannot connect to h:80: connection refused")
        #expect(failure.hint != nil)
    }

    @Test("a usage error has no hint")
    func usage() {
        let failure = Failure(
            SocketError(.parse, .invalidInput("expected digits"), subject: "port 'x'"))
        #expect(failure == Failure(.usage, "cannot parse port 'x': expected digits"))
    }

    @Test("a usage error with a hint keeps it")
    func hint() {
        let failure = Failure(UsageError("one", hint: "two"))
        #expect(failure == Failure(.usage, "one", hint: "two"))
    }
}
