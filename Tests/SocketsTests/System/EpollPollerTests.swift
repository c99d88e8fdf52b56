import Glibc
import Testing

@testable import Sockets

@Suite("Poller", .ownThread)
struct EpollPollerTests {
    private struct Change: Equatable {
        var token: UInt
        var readiness: Readiness
    }

    /// The result of one wait, and whether a wakeup ended it.
    private func wait(
        _ poller: borrowing Poller, milliseconds: Int64 = 10_000
    ) -> (changes: [Change], isWoken: Bool) {
        var changes: [Change] = []
        var isWoken = false
        poller.wait(nanoseconds: milliseconds * 1_000_000) {
            isWoken = true
        } changed: { token, readiness in
            changes.append(Change(token: token, readiness: readiness))
        }
        return (changes, isWoken)
    }

    @Test("wake ends the next wait, and several wakes end only one wait")
    func wake() throws {
        let poller = try Poller.make()
        poller.wake()
        poller.wake()
        #expect(wait(poller).isWoken)
        let (changes, isWoken) = wait(poller, milliseconds: 0)
        #expect(changes.isEmpty && !isWoken)
    }

    @Test("a change is reported once with its token, and again only after another change")
    func edges() throws {
        let poller = try Poller.make()
        let (one, other) = try RawSockets.pair()
        try poller.register(one.number, token: 77)
        #expect(wait(poller).changes == [Change(token: 77, readiness: .writable)])
        #expect(wait(poller, milliseconds: 0).changes.isEmpty)
        _ = try System.send(other.number, "x")
        #expect(wait(poller).changes == [Change(token: 77, readiness: [.readable, .writable])])
        #expect(wait(poller, milliseconds: 0).changes.isEmpty)
        _ = try System.send(other.number, "y")
        #expect(wait(poller).changes.count == 1)
    }

    @Test("write readiness is reported only while requested")
    func writeReadiness() throws {
        let poller = try Poller.make()
        let (one, other) = try RawSockets.pair(.datagram)
        try poller.register(one.number, token: 77, reportsWritable: false)
        #expect(wait(poller, milliseconds: 0).changes.isEmpty)
        _ = try System.send(other.number, "x")
        #expect(wait(poller).changes == [Change(token: 77, readiness: .readable)])
        try poller.change(one.number, token: 77, reportsWritable: true)
        #expect(wait(poller).changes == [Change(token: 77, readiness: [.readable, .writable])])
        try poller.change(one.number, token: 77, reportsWritable: false)
        _ = try System.recv(one.number, atMost: 1)
        _ = try System.send(one.number, "y")
        _ = try System.recv(other.number, atMost: 1)
        #expect(wait(poller, milliseconds: 0).changes.isEmpty)
    }

    @Test("a half-close by the peer is reported as `ending`")
    func ending() throws {
        let poller = try Poller.make()
        let (one, other) = try RawSockets.pair()
        try poller.register(one.number, token: 77)
        _ = wait(poller)
        try System.shutdown(other.number, .write)
        #expect(wait(poller).changes.first?.readiness.contains(.ending) == true)
    }

    @Test("a deregistered descriptor that stays open is not reported")
    func deregister() throws {
        let poller = try Poller.make()
        let (one, other) = try RawSockets.pair()
        try poller.register(one.number, token: 77)
        poller.deregister(one.number)
        _ = try System.send(other.number, "x")
        #expect(wait(poller, milliseconds: 0).changes.isEmpty)
    }

    @Test("a wait without events ends no earlier than its time limit", arguments: [0, 1, 30])
    func time(_ milliseconds: Int64) throws {
        let poller = try Poller.make()
        let start = ContinuousClock.now
        let (changes, isWoken) = wait(poller, milliseconds: milliseconds)
        #expect(changes.isEmpty && !isWoken)
        #expect(start.duration(to: .now) >= .milliseconds(milliseconds))
    }

    @Test("changes beyond the capacity of a wait are reported by the next wait")
    func manyChanges() throws {
        let poller = try Poller.make()
        let pairs = try (0..<150).map { _ in try RawSockets.pair() }
        for (index, pair) in pairs.enumerated() {
            try poller.register(pair.0.number, token: UInt(2 * index + 1))
            try poller.register(pair.1.number, token: UInt(2 * index + 2))
        }
        var tokens: Set<UInt> = []
        while case let changes = wait(poller, milliseconds: 0).changes, !changes.isEmpty {
            for change in changes { #expect(tokens.insert(change.token).inserted) }
        }
        #expect(tokens == Set(1...300))
    }

    #if DEBUG
        @Test("make throws EMFILE if the eventfd cannot be created")
        func noEventfd() throws {
            #expect(throws: Errno.tooManyOpenFiles) {
                try FaultInjection.during([.eventfd: [.error(.tooManyOpenFiles)]]) {
                    _ = try Poller.make()
                }
            }
        }
    #endif
}
