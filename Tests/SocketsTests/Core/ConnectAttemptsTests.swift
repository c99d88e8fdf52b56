import SystemPackage
import Testing

@testable import Sockets

@Suite("ConnectAttempts", .ownThread)
struct ConnectAttemptsTests {
    /// Waits until an attempt has connected.
    private func connect(_ attempts: consuming ConnectAttempts) throws -> OwnedSocket {
        while true {
            switch try attempts.advance() {
            case .connected(let socket): return socket
            case .wait:
                var requests = attempts.descriptors.map {
                    PollRequest(descriptor: $0, isForWriting: true)
                }
                try System.poll(&requests, milliseconds: 10_000)
                _ = attempts.check()
            }
        }
    }

    @Test("the connected socket is non-blocking")
    func wins() throws {
        let listener = try Socket(on: .tcp("127.0.0.1", port: 0))
        let socket = try connect(
            try ConnectAttempts(
                to: [listener.localAddress], .stream, ConnectOptions(),
                Deadline(startingNow: .seconds(10))))
        let remote = socket.remoteAddress
        #expect(remote == listener.localAddress)
        let descriptor = socket.descriptor.number
        #expect(throws: Errno.wouldBlock) {
            try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) {
                _ = try System.recv(descriptor, $0, [])
            }
        }
    }

    @Test("takeStarted returns each running attempt exactly once")
    func started() throws {
        let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
        let queued = try Socket(to: full.localAddress)
        var attempts = try ConnectAttempts(
            to: [full.localAddress], .stream, ConnectOptions(), Deadline(startingNow: .never))
        let waits = try attempts.advance().isEndlessWait()
        #expect(waits)
        let isUnix = attempts.isUnix
        #expect(isUnix)
        let started = attempts.takeStarted().count
        #expect(started == 1)
        let startedSince = attempts.takeStarted().count
        #expect(startedSince == 0)
        let hasEnded = attempts.check()
        #expect(!hasEnded)
        withExtendedLifetime(queued) {}
    }

    @Test("willEnd is called before the descriptor of an attempt is closed")
    func willEnd() throws {
        let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
        let queued = try Socket(to: full.localAddress)
        var attempts = try ConnectAttempts(
            to: [full.localAddress], .stream, ConnectOptions(), Deadline(startingNow: .never))
        _ = try attempts.advance()
        var wasOpen = false
        for attempt in attempts.takeStarted() {
            let descriptor = attempt.descriptor
            attempt.willEnd = { wasOpen = (try? System.getsockname(descriptor)) != nil }
        }
        attempts.closeAll()
        #expect(wasOpen)
        withExtendedLifetime(queued) {}
    }

    @Test("after stop, advance throws an error with the given cause and the list of attempts")
    func stopped() throws {
        let full = try Socket(on: .unix("@" + Loopback.unixPath()), options: .init(backlog: 0))
        let queued = try Socket(to: full.localAddress)
        var attempts = try ConnectAttempts(
            to: [full.localAddress], .stream, ConnectOptions(), Deadline(startingNow: .never))
        _ = try attempts.advance()
        attempts.stop(because: .cancelled)
        do throws(SocketError) {
            _ = try attempts.advance()
            Issue.record("expected an error")
        } catch {
            #expect(error.cause == .cancelled)
            #expect(error.attempts.map(\.address) == [full.localAddress])
        }
        withExtendedLifetime(queued) {}
    }
}

extension ConnectAttempts.Step {
    /// Whether to wait without a limit.
    fileprivate consuming func isEndlessWait() -> Bool {
        switch consume self {
        case .wait(let duration): duration == nil
        case .connected: false
        }
    }
}
