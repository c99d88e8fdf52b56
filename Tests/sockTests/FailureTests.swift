import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct FailureTests {
    @Test("a socket's error becomes its description, its status and advice")
    func socketError() {
        let error = SocketError(
            .connect, .system(.connectionRefused), endpoint: .tcp("h", port: 80))
        let failure = Failure(error)
        #expect(failure.status == .unreachable)
        #expect(failure.message == "cannot connect to h:80: connection refused")
        #expect(failure.advice != nil)
    }

    @Test("a usage error is one line")
    func usage() {
        let failure = Failure(SocketError(.parse, .invalidInput("'x' is not a port")))
        #expect(failure == Failure(.usage, "'x' is not a port"))
    }

    @Test("an answer to a disputed letter keeps its second line")
    func disputed() {
        let failure = Failure(UsageError("one", advice: "two"))
        #expect(failure == Failure(.usage, "one", advice: "two"))
    }
}
