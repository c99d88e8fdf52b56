import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct AdviceTests {
    private func advice(
        _ operation: SocketError.Operation, _ cause: SocketError.Cause, _ endpoint: Endpoint? = nil
    ) -> String? {
        Failure(SocketError(operation, cause, endpoint: endpoint)).advice
    }

    @Test("no answer to a connect: the design's own words")
    func timeOut() {
        #expect(
            advice(.connect, .timedOut(limit: .seconds(10)), .tcp("h", port: 1))
                == "A firewall may be dropping packets. Change the limit with -w 30s.")
    }

    @Test("a refusal means something else for TCP, UDP and a socket file")
    func refused() {
        let refused = SocketError.Cause.system(.connectionRefused)
        #expect(
            advice(.connect, refused, .tcp("h", port: 1))
                == "The machine is there, but nothing listens on that port.")
        #expect(advice(.receive, refused) == "Nothing listens on that UDP port.")
        #expect(
            advice(.connect, refused, .unix("/s"))
                == "The socket file is there, but the program behind it is gone.")
    }

    @Test("a port in use, a low port and a foreign address are told apart")
    func bind() {
        #expect(advice(.bind, .system(.addressInUse))?.contains("ss -ltunp") == true)
        #expect(advice(.bind, .system(.permissionDenied))?.contains("1024") == true)
        #expect(advice(.bind, .system(.addressNotAvailable))?.contains("ip address") == true)
        #expect(
            advice(.bind, .system(.addressInUse), .unix("/s"))?.contains("no socket") == true)
    }

    @Test("a name server that is silent is told from a name that does not exist")
    func names() {
        let silent = NameResolutionFailure(
            code: -3, message: "Temporary failure", isNotFound: false, isTemporary: true)
        let unknown = NameResolutionFailure(
            code: -2, message: "Not known", isNotFound: true, isTemporary: false)
        #expect(advice(.resolve, .nameResolution(silent))?.contains("try again") == true)
        #expect(advice(.resolve, .nameResolution(unknown))?.contains("spelling") == true)
    }

    @Test("what nobody can help with gets no advice")
    func none() {
        #expect(advice(.send, .cancelled) == nil)
        #expect(advice(.parse, .invalidInput("x")) == nil)
    }
}
