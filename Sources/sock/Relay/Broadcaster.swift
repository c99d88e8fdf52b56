import Sockets

/// The decisions of `sock -lk` about when its clients can receive more input, and about which
/// client holds up the others.
///
/// All clients receive the same bytes, each at its own pace. If a client is 1 MiB behind, the input
/// waits for it, because otherwise the memory would grow without a limit. A client stalls the
/// broadcast if the input has waited 10 s for this client, while another client has received
/// everything. With only one client, the input may wait for ever.
///
/// `Broadcaster` does no I/O, so the caller passes the time since a fixed moment.
struct Broadcaster {
    typealias ClientID = Int

    /// The bytes that each client has yet to receive.
    private var pending: [ClientID: Int] = [:]
    // These counts are kept because otherwise each write would have to examine every client.
    private var fullClients = 0
    private var idleCount = 0
    private var lastID = 0
    /// A Boolean value that indicates whether there is input that cannot be sent yet.
    private var isInputWaiting = false
    /// The time at which `isStalled` first found that a client stalls the broadcast, for each such
    /// client.
    private var stalledSince: [ClientID: Duration] = [:]

    static let maximumPending = 1 << 20
    static let stallTimeout = Duration.seconds(10)

    /// Adds a client, which receives the input from now on.
    mutating func addClient() -> ClientID {
        lastID += 1
        pending[lastID] = 0
        idleCount += 1
        return lastID
    }

    mutating func removeClient(_ client: ClientID) {
        guard let bytes = pending.removeValue(forKey: client) else { return }
        stalledSince[client] = nil
        count(bytes, by: -1)
    }

    /// Records that this number of bytes of the input will be sent to each client.
    mutating func broadcast(_ bytes: Int) {
        isInputWaiting = false
        stalledSince.removeAll()
        for client in pending.keys { change(client, by: bytes) }
    }

    /// Records that this number of bytes was sent to a client.
    mutating func didSend(_ bytes: Int, to client: ClientID) {
        change(client, by: -bytes)
    }

    var isEmpty: Bool { pending.isEmpty }

    /// A Boolean value that indicates whether there are clients and all of them can receive more
    /// input.
    var isReady: Bool { !pending.isEmpty && fullClients == 0 }

    /// Records that there is input, which waits until all clients are ready.
    mutating func inputIsWaiting() {
        isInputWaiting = true
    }

    /// Returns the number of bytes that a client has yet to receive, or 0 if it was removed.
    func pendingBytes(of client: ClientID) -> Int { pending[client] ?? 0 }

    /// Returns whether a client has stalled the broadcast for too long.
    ///
    /// Call it regularly, because the time is measured from the first call that finds the client
    /// stalled.
    mutating func isStalled(by client: ClientID, at now: Duration) -> Bool {
        guard isInputWaiting, idleCount > 0, pendingBytes(of: client) >= Self.maximumPending else {
            stalledSince[client] = nil
            return false
        }
        let since = stalledSince[client] ?? now
        stalledSince[client] = since
        return now - since >= Self.stallTimeout
    }

    private mutating func change(_ client: ClientID, by bytes: Int) {
        guard let before = pending[client] else { return }
        count(before, by: -1)
        pending[client] = before + bytes
        count(before + bytes, by: 1)
    }

    private mutating func count(_ bytes: Int, by step: Int) {
        if bytes >= Self.maximumPending { fullClients += step }
        if bytes == 0 { idleCount += step }
    }
}
