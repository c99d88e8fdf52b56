import Sockets
import Testing

@testable import sock

@Suite(.ownThread)
struct ConnectWalkTests {
    private func walk(_ port: UInt16) -> ConnectWalk {
        ConnectWalk(
            endpoint: .tcp("127.0.0.1", port: Port(port)), family: nil, isNumeric: true,
            limit: .seconds(5), tells: false)
    }

    @Test("an address that answers is an attempt without a cause, and both ends are known")
    func answers() throws {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        var walk = walk(server.localAddress.port ?? 0)
        try walk.run()
        #expect(walk.attempts.count == 1)
        #expect(walk.attempts[0].cause == nil)
        #expect(walk.ends?.remote == server.localAddress)
    }

    @Test("when nobody answers, every attempt is in the error")
    func refused() throws {
        let (silent, port) = try Peer.silentPort()
        defer { silent.close() }
        var walk = walk(try #require(UInt16(port)))
        let error = #expect(throws: SocketError.self) { try walk.run() }
        #expect(error?.errno == .connectionRefused)
        #expect(error?.attempts.count == 1)
        #expect(walk.json.text.contains(#""outcome":"refused""#))
        #expect(walk.json.text.hasSuffix(#""local":null,"remote":null}"#))
    }

    @Test("one word is enough for what happens most")
    func outcomes() {
        #expect(ConnectWalk.outcome(of: nil) == "done")
        #expect(ConnectWalk.outcome(of: .system(.connectionRefused)) == "refused")
        #expect(ConnectWalk.outcome(of: .timedOut(limit: nil)) == "no answer")
        #expect(ConnectWalk.outcome(of: .system(.networkUnreachable)) == "network is unreachable")
    }
}
