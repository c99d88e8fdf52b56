import SystemPackage
import Testing

@testable import Sockets

@Suite("JoinState")
struct JoinStateTests {
    private let reset = SocketError(.read, .system(.connectionReset))
    private let refusal = SocketError(.write, .system(.brokenPipe))

    @Test("each EOF half-closes the other connection, and the second EOF ends the join")
    func ends() {
        var state = JoinState()
        #expect(state.note(.ended, of: .forward) == [.halfClose(.other), .watch(.this)])
        #expect(!state.isOver)
        #expect(!state.isRunning(.forward))
        #expect(state.isRunning(.back))
        #expect(state.note(.ended, of: .back) == [.halfClose(.this)])
        #expect(state.isOver)
        #expect(state.failure == nil)
    }

    @Test("a broken connection resets the other connection", arguments: [true, false])
    func resets(isForward: Bool) {
        var state = JoinState()
        let direction: JoinState.Direction = isForward ? .forward : .back
        #expect(state.note(.readFailed(reset), of: direction) == [.reset(direction.destination)])
        #expect(state.isOver)
        #expect(state.failure?.errno == .connectionReset)
        // What follows is only a consequence.
        #expect(state.note(.stopped(SocketError(.join, .cancelled)), of: .back) == [])
        #expect(state.failure?.errno == .connectionReset)
    }

    @Test("a TLS failure resets the other connection, but a close on this side does not")
    func resetsAfterTLS() {
        var state = JoinState()
        let failure = SocketError(.read, .tls(.truncated))
        #expect(state.note(.readFailed(failure), of: .back) == [.reset(.this)])
        state = JoinState()
        #expect(state.note(.readFailed(SocketError(.read, .closed)), of: .back) == [])
        #expect(state.isOver)
    }

    @Test("after a failed write, the opposite direction goes on and determines the outcome")
    func writeFails() {
        var state = JoinState()
        #expect(state.note(.writeFailed(refusal), of: .forward) == [.watch(.this)])
        #expect(!state.isOver)
        #expect(state.note(.readFailed(reset), of: .back) == [.reset(.this)])
        #expect(state.failure?.errno == .connectionReset)

        state = JoinState()
        #expect(state.note(.writeFailed(refusal), of: .forward) == [.watch(.this)])
        #expect(state.note(.ended, of: .back) == [.halfClose(.this)])
        #expect(state.isOver)
        #expect(state.failure?.errno == .brokenPipe)
    }

    @Test("a failed write to a connection whose peer has sent EOF resets the other connection")
    func writeFailsAfterEnd() {
        var state = JoinState()
        _ = state.note(.ended, of: .back)
        #expect(state.note(.writeFailed(refusal), of: .forward) == [.resetIfDelivered(.this)])
        #expect(state.isOver)
        #expect(state.failure?.errno == .brokenPipe)

        // If both writes failed, both connections are broken.
        state = JoinState()
        _ = state.note(.writeFailed(refusal), of: .back)
        #expect(state.note(.writeFailed(refusal), of: .forward) == [])
        #expect(state.isOver)
    }

    @Test("a break after EOF resets the other connection only if all its bytes were delivered")
    func breaksAfterEnd() {
        var state = JoinState()
        _ = state.note(.ended, of: .back)
        #expect(state.note(.broke(refusal), of: .back) == [.resetIfDelivered(.this)])
        #expect(state.isOver)
        #expect(state.failure?.errno == .brokenPipe)
    }

    @Test("a cancelled join resets no connection and keeps an earlier error")
    func stops() {
        var state = JoinState()
        let cancellation = SocketError(.join, .cancelled)
        #expect(state.note(.stopped(cancellation), of: .forward) == [])
        #expect(state.failure?.cause == .cancelled)
        state = JoinState()
        _ = state.note(.writeFailed(refusal), of: .forward)
        #expect(state.note(.stopped(cancellation), of: .back) == [])
        #expect(state.isOver)
        #expect(state.failure?.errno == .brokenPipe)
    }
}
