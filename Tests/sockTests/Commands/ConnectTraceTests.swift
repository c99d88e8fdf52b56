import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ConnectTraceTests {
    private func trace(_ port: UInt16) -> ConnectTrace {
        ConnectTrace(
            endpoint: .tcp("127.0.0.1", port: Port(port)), family: nil, isNumeric: true,
            timeout: .seconds(5), printsSteps: false)
    }

    @Test("the trace of a successful connect has the remote address and one attempt without error")
    func answers() throws {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        var trace = trace(server.localAddress.port ?? 0)
        try trace.run()
        #expect(trace.attempts.count == 1)
        #expect(trace.attempts[0].cause == nil)
        #expect(trace.ends?.remote == server.localAddress)
    }

    @Test("the error of a trace lists every failed attempt")
    func refused() throws {
        let (bound, port) = try Peer.boundPort()
        defer { bound.close() }
        var trace = trace(try #require(UInt16(port)))
        let error = #expect(throws: SocketError.self) { try trace.run() }
        #expect(error?.errno == .connectionRefused)
        #expect(error?.attempts.count == 1)
        #expect(trace.json.text.contains(#""outcome":"refused""#))
        #expect(trace.json.text.hasSuffix(#""local":null,"remote":null}"#))
    }

    @Test("outcome(of:) returns short text for common causes")
    func outcomes() {
        #expect(ConnectTrace.outcome(of: nil) == "done")
        #expect(ConnectTrace.outcome(of: .system(.connectionRefused)) == "refused")
        #expect(ConnectTrace.outcome(of: .timedOut(limit: nil)) == "no answer")
        #expect(ConnectTrace.outcome(of: .system(.networkUnreachable)) == "network is unreachable")
    }
}
