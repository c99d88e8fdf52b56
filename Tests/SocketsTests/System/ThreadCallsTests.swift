import Foundation
import Glibc
import Synchronization
import Testing

@testable import Sockets

@Suite("Thread calls", .ownThread)
struct ThreadCallsTests {
    @Test("startThread runs its body once, on another thread")
    func start() throws {
        let ran = DispatchSemaphore(value: 0)
        let thread = Atomic<UInt>(0)
        try System.startThread {
            thread.store(System.currentThread, ordering: .releasing)
            ran.signal()
        }
        #expect(ran.wait(timeout: .now() + 30) == .success)
        #expect(thread.load(ordering: .acquiring) != 0)
        #expect(thread.load(ordering: .acquiring) != System.currentThread)
        #expect(ran.wait(timeout: .now()) == .timedOut)
    }

    @Test("startThread blocks all signals in the new thread and keeps the caller's mask")
    func signals() throws {
        let done = DispatchSemaphore(value: 0)
        let blocked = Atomic<Int>(0)
        let before = Self.blockedSignals()
        try System.startThread {
            blocked.store(Self.blockedSignals(), ordering: .releasing)
            done.signal()
        }
        #expect(done.wait(timeout: .now() + 30) == .success)
        #expect(Self.blockedSignals() == before)
        for signal in [SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGCHLD, SIGUSR1, SIGALRM] {
            #expect(blocked.load(ordering: .acquiring) & 1 << Int(signal) != 0)
        }
    }

    @Test("startThread releases the body after the thread ends")
    func release() throws {
        final class Thing: Sendable {}
        weak var thing: Thing?
        let ended = DispatchSemaphore(value: 0)
        do {
            let made = Thing()
            thing = made
            try System.startThread { withExtendedLifetime(made) { _ = ended.signal() } }
        }
        #expect(ended.wait(timeout: .now() + 30) == .success)
        let deadline = ContinuousClock.now + .seconds(30)
        while thing != nil, ContinuousClock.now < deadline { sched_yield() }
        #expect(thing == nil)
    }

    @Test("processorCount is at least 1")
    func processors() {
        #expect(System.processorCount >= 1)
    }

    /// Returns the signals that the calling thread blocks, as bits.
    private static func blockedSignals() -> Int {
        var set = sigset_t()
        pthread_sigmask(SIG_SETMASK, nil, &set)
        return (1..<32).reduce(0) { sigismember(&set, Int32($1)) == 1 ? $0 | 1 << $1 : $0 }
    }
}
