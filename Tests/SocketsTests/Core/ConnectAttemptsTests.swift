import SystemPackage
import Testing

@testable import Sockets

@Suite("ConnectAttempts", .ownThread)
struct ConnectContestTests {
    @Test("it waits for what is under way, and the winner does not wait")
    func wins() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        var contest = ConnectAttempts(
            [listener.localAddress], .stream, ConnectOptions(), Deadline(startingNow: .seconds(10)))
        var step = try contest.advance()
        while case .wait(let duration) = step {
            try contest.poll(atMost: duration)
            step = try contest.advance()
        }
        guard case .connected(let socket) = step else { return }
        #expect(socket.remoteAddress == listener.localAddress)
        let descriptor = socket.descriptor
        #expect(throws: Errno.wouldBlock) {
            try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) {
                _ = try System.recv(descriptor, $0, [])
            }
        }
    }

    @Test("an attempt under way is a newcomer once")
    func newcomers() throws {
        let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
        let guest = try Socket(to: full.localAddress)
        var contest = ConnectAttempts(
            [full.localAddress], .stream, ConnectOptions(), Deadline(startingNow: .never))
        guard case .wait(nil) = try contest.advance() else {
            Issue.record("expected to wait for ever")
            return
        }
        #expect(contest.isLocal)
        #expect(contest.takeNewcomers().count == 1)
        #expect(contest.takeNewcomers().isEmpty)
        let hasEnded = contest.look()
        #expect(!hasEnded)
        withExtendedLifetime(guest) {}
    }

    @Test("it can be stopped from outside")
    func stopped() throws {
        let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
        let guest = try Socket(to: full.localAddress)
        var contest = ConnectAttempts(
            [full.localAddress], .stream, ConnectOptions(), Deadline(startingNow: .never))
        _ = try contest.advance()
        contest.stop(because: .cancelled)
        let error = #expect(throws: SocketError.self) { _ = try contest.advance() }
        #expect(error?.cause == .cancelled)
        #expect(error?.attempts.map(\.address) == [full.localAddress])
        withExtendedLifetime(guest) {}
    }
}
