import Testing

@testable import sock

@Suite(.ownThread)
struct BroadcasterTests {
    private let full = Broadcaster.maximumPending

    /// Returns whether a client stalls the broadcast at each of the given seconds.
    private func isStalled(
        _ broadcaster: inout Broadcaster, by client: Broadcaster.ClientID, at seconds: Int...
    ) -> [Bool] {
        seconds.map { broadcaster.isStalled(by: client, at: .seconds($0)) }
    }

    @Test("a broadcaster without clients is not ready")
    func empty() {
        var broadcaster = Broadcaster()
        #expect(broadcaster.isEmpty && !broadcaster.isReady)
        let client = broadcaster.addClient()
        #expect(!broadcaster.isEmpty && broadcaster.isReady)
        broadcaster.removeClient(client)
        #expect(broadcaster.isEmpty && !broadcaster.isReady)
    }

    @Test("all clients receive the same bytes, and each client has its own backlog")
    func pending() {
        var broadcaster = Broadcaster()
        let (one, two) = (broadcaster.addClient(), broadcaster.addClient())
        broadcaster.broadcast(100)
        broadcaster.didSend(30, to: one)
        broadcaster.didSend(100, to: two)
        #expect(broadcaster.pendingBytes(of: one) == 70)
        #expect(broadcaster.pendingBytes(of: two) == 0)
        let late = broadcaster.addClient()
        #expect(broadcaster.pendingBytes(of: late) == 0)
    }

    @Test("a broadcaster is not ready while a client has a full backlog")
    func tooFarBehind() {
        var broadcaster = Broadcaster()
        let (slow, fast) = (broadcaster.addClient(), broadcaster.addClient())
        broadcaster.broadcast(full)
        broadcaster.didSend(full, to: fast)
        #expect(!broadcaster.isReady)
        broadcaster.didSend(1, to: slow)
        #expect(broadcaster.isReady)
        broadcaster.broadcast(1)
        #expect(!broadcaster.isReady)
        broadcaster.removeClient(slow)
        #expect(broadcaster.isReady)
    }

    @Test("a slow client with a full backlog stalls the broadcast after input has waited for 10 s")
    func stalled() {
        var broadcaster = Broadcaster()
        let (slow, fast) = (broadcaster.addClient(), broadcaster.addClient())
        broadcaster.broadcast(full)
        broadcaster.didSend(full, to: fast)
        broadcaster.inputIsWaiting()
        let first = isStalled(&broadcaster, by: slow, at: 50, 59, 60)
        let second = isStalled(&broadcaster, by: fast, at: 50, 60)
        #expect(first == [false, false, true])
        #expect(second == [false, false])
    }

    @Test("a slow client does not stall a broadcast if no input waits or no other client exists")
    func alone() {
        var broadcaster = Broadcaster()
        let (slow, other) = (broadcaster.addClient(), broadcaster.addClient())
        broadcaster.broadcast(full)
        broadcaster.didSend(full, to: other)
        let withoutInput = isStalled(&broadcaster, by: slow, at: 0, 100)
        #expect(withoutInput == [false, false])
        broadcaster.inputIsWaiting()
        broadcaster.removeClient(other)
        let withoutOthers = isStalled(&broadcaster, by: slow, at: 200, 300)
        #expect(withoutOthers == [false, false])
        // The time starts when another client connects.
        _ = broadcaster.addClient()
        let withOther = isStalled(&broadcaster, by: slow, at: 400, 410)
        #expect(withOther == [false, true])
    }

    @Test("each broadcast restarts the period after which a slow client stalls the broadcast")
    func progress() {
        var broadcaster = Broadcaster()
        let (slow, fast) = (broadcaster.addClient(), broadcaster.addClient())
        broadcaster.broadcast(full)
        broadcaster.didSend(full, to: fast)
        broadcaster.inputIsWaiting()
        let before = isStalled(&broadcaster, by: slow, at: 1)
        broadcaster.didSend(10, to: slow)
        broadcaster.broadcast(10)
        broadcaster.didSend(10, to: fast)
        broadcaster.inputIsWaiting()
        let after = isStalled(&broadcaster, by: slow, at: 12, 21, 22)
        #expect(before + after == [false, false, false, true])
    }
}
