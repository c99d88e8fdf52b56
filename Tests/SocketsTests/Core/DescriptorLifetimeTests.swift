import Synchronization
import Testing

@testable import Sockets

extension DescriptorLifetime {
    /// Whether a task awaits the end of calls.
    var isAwaited: Bool { word.load(ordering: .acquiring) & Self.awaited != 0 }
}

@Suite("DescriptorLifetime", .ownThread)
struct DescriptorLifetimeTests {
    /// A lifetime that counts its releases and the calls in progress.
    private final class Guarded: Sendable {
        let lifetime = DescriptorLifetime()
        let releases = Atomic<Int>(0)
        let callsInside = Atomic<Int>(0)
        let violations = Atomic<Int>(0)

        func release() {
            releases.add(1, ordering: .sequentiallyConsistent)
            if callsInside.load(ordering: .sequentiallyConsistent) != 0 { violate() }
        }

        func enter() -> Bool {
            guard lifetime.enter(orRelease: release) else { return false }
            callsInside.add(1, ordering: .sequentiallyConsistent)
            if releases.load(ordering: .sequentiallyConsistent) != 0 { violate() }
            return true
        }

        func leave() {
            callsInside.subtract(1, ordering: .sequentiallyConsistent)
            lifetime.leave(orRelease: release)
        }

        var isClosed: Bool { lifetime.isClosed }

        func takeDescriptor() -> Bool { lifetime.takeDescriptor() }

        func beginClosing() -> DescriptorLifetime.Closing { lifetime.close(orRelease: release) }

        func endClosing() { lifetime.leave(orRelease: release) }

        /// Closes the lifetime in the same way as `Socket.close`.
        @discardableResult
        func close() -> DescriptorLifetime.Closing {
            let closing = beginClosing()
            if closing != .alreadyClosed { endClosing() }
            return closing
        }

        private func violate() { violations.add(1, ordering: .relaxed) }

        var releaseCount: Int { releases.load(ordering: .sequentiallyConsistent) }
        var violationCount: Int { violations.load(ordering: .sequentiallyConsistent) }
    }

    // MARK: Decisions

    @Test("close without calls in progress releases the descriptor when close ends")
    func quietClose() {
        let socket = Guarded()
        #expect(!socket.isClosed)
        #expect(socket.beginClosing() == .unused)
        #expect(socket.isClosed)
        // The closing call itself is a call in progress, so the descriptor stays open until that
        // call ends.
        #expect(socket.releaseCount == 0)
        socket.endClosing()
        #expect(socket.releaseCount == 1)
    }

    @Test("close during calls returns `inUse`, and the last leave releases the descriptor")
    func wakingClose() {
        let socket = Guarded()
        #expect(socket.enter() && socket.enter())
        #expect(socket.close() == .inUse)
        #expect(socket.releaseCount == 0)
        socket.leave()
        #expect(socket.releaseCount == 0)
        socket.leave()
        #expect(socket.releaseCount == 1)
        #expect(socket.violationCount == 0)
    }

    @Test("a second close returns `alreadyClosed`, before and after the release")
    func closingAgain() {
        let socket = Guarded()
        #expect(socket.enter())
        #expect(socket.close() == .inUse)
        #expect(socket.close() == .alreadyClosed)
        socket.leave()
        #expect(socket.releaseCount == 1)
        #expect(socket.close() == .alreadyClosed)
        #expect(socket.releaseCount == 1)
    }

    @Test("enter fails after close and does not release the descriptor again")
    func enteringClosed() {
        let socket = Guarded()
        socket.close()
        for _ in 0..<3 { #expect(!socket.enter()) }
        #expect(socket.releaseCount == 1)
        #expect(socket.isClosed)
    }

    @Test("calls without a close do not release the descriptor")
    func openSocketIsNotReleased() {
        let socket = Guarded()
        for _ in 0..<1000 {
            #expect(socket.enter())
            socket.leave()
        }
        #expect(!socket.isClosed)
        #expect(socket.releaseCount == 0)
    }

    @Test("takeDescriptor succeeds only without calls in progress, and prevents a release")
    func takeDescriptor() {
        let socket = Guarded()
        #expect(socket.enter())
        #expect(!socket.takeDescriptor())
        #expect(!socket.isClosed)
        socket.leave()
        #expect(socket.takeDescriptor())
        #expect(socket.isClosed)
        #expect(!socket.takeDescriptor())
        #expect(!socket.enter())
        #expect(socket.close() == .alreadyClosed)
        #expect(socket.releaseCount == 0)
    }

    @Test("takeDescriptor fails after close")
    func takeDescriptorAfterClose() {
        let socket = Guarded()
        #expect(socket.enter())
        socket.close()
        #expect(!socket.takeDescriptor())
        socket.leave()
        #expect(!socket.takeDescriptor())
        #expect(socket.releaseCount == 1)
    }

    @Test("leave reports each call that ends between startAwaiting and stopAwaiting")
    func awaited() {
        let lifetime = DescriptorLifetime()
        let (releases, reports) = (Lock(0), Lock(0))
        func release() { releases.withLock { $0 += 1 } }
        func call() {
            _ = lifetime.enter(orRelease: release)
            lifetime.leave(orRelease: release, notify: { reports.withLock { $0 += 1 } })
        }
        _ = lifetime.enter(orRelease: release)
        call()
        #expect(reports.withLock { $0 } == 0)
        lifetime.startAwaiting()
        // The macro `#expect` takes no noncopyable values.
        let isAwaited = lifetime.isAwaited
        #expect(isAwaited)
        for _ in 0..<3 { call() }
        #expect(reports.withLock { $0 } == 3)
        // The call that awaits the others keeps the descriptor after a close.
        let closing = lifetime.close(orRelease: release)
        #expect(closing == .inUse)
        lifetime.leave(orRelease: release, notify: { reports.withLock { $0 += 1 } })
        #expect(reports.withLock { $0 } == 4)
        #expect(releases.withLock { $0 } == 0)
        lifetime.stopAwaiting()
        lifetime.leave(orRelease: release)
        #expect(releases.withLock { $0 } == 1)
    }

    @Test("takeDescriptor(isInside:) succeeds in the only call, and no later call begins")
    func takenInside() {
        let lifetime = DescriptorLifetime()
        _ = lifetime.enter(orRelease: {})
        let isTakenOutside = lifetime.takeDescriptor()
        #expect(!isTakenOutside)
        _ = lifetime.enter(orRelease: {})
        let isTakenBesideOther = lifetime.takeDescriptor(isInside: true)
        #expect(!isTakenBesideOther)
        lifetime.leave(orRelease: {})
        let isTaken = lifetime.takeDescriptor(isInside: true)
        #expect(isTaken)
        let hasEntered = lifetime.enter(orRelease: { Issue.record("released") })
        #expect(!hasEntered)
    }

    // MARK: Races

    /// Calls `body` on several threads at once, with a new lifetime in each round.
    private func race(
        rounds: Int, threads count: Int, _ body: @escaping @Sendable (Guarded, Int) -> Void
    ) throws -> [Guarded] {
        let sockets = (0..<rounds).map { _ in Guarded() }
        let start = ThreadBarrier(count)
        let threads = (0..<count).map { index in
            Background {
                for socket in sockets {
                    start.wait()
                    body(socket, index)
                }
            }
        }
        // On a busy machine, each round waits until every thread has had a core.
        for thread in threads { try thread.value(hangingAfter: 300) }
        return sockets
    }

    @Test(
        "10,000 races of calls and closes release each descriptor once and never during a call",
        .exclusiveThread)
    func calledAndClosed() throws {
        let sockets = try race(rounds: 10_000, threads: 4) { socket, index in
            if index < 2 {
                for _ in 0..<3 where socket.enter() { socket.leave() }
            } else {
                socket.close()
            }
        }
        #expect(sockets.allSatisfy { $0.releaseCount == 1 })
        #expect(sockets.allSatisfy { $0.violationCount == 0 })
        #expect(sockets.allSatisfy { $0.isClosed })
    }

    @Test("exactly one of several concurrent closes succeeds")
    func severalClosers() throws {
        let winners = (0..<2000).map { _ in Lock(0) }
        let next = (0..<3).map { _ in Lock(0) }
        let sockets = try race(rounds: 2000, threads: 3) { socket, index in
            let round = next[index].withLock { number in
                defer { number += 1 }
                return number
            }
            if socket.close() != .alreadyClosed { winners[round].withLock { $0 += 1 } }
        }
        #expect(winners.allSatisfy { $0.withLock { $0 } == 1 })
        #expect(sockets.allSatisfy { $0.releaseCount == 1 })
    }

    @Test(
        "10,000 races of takeDescriptor and close either take or release each descriptor",
        .exclusiveThread)
    func handedOverOrReleased() throws {
        let handed = Lock<Set<ObjectIdentifier>>([])
        let sockets = try race(rounds: 10_000, threads: 3) { socket, index in
            switch index {
            case 0:
                if socket.takeDescriptor() {
                    handed.withLock { _ = $0.insert(ObjectIdentifier(socket)) }
                }
            case 1:
                if socket.enter() { socket.leave() }
            default:
                socket.close()
            }
        }
        let given = handed.withLock { $0 }
        for socket in sockets {
            let isGiven = given.contains(ObjectIdentifier(socket))
            #expect(socket.releaseCount == (isGiven ? 0 : 1))
            #expect(socket.violationCount == 0)
        }
    }
}
