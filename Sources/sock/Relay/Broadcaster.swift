import Sockets

/// Decides when the clients of `sock -lk` can get more of the input, and which client holds up the
/// others.
///
/// All clients get the same bytes, each at its own pace. A client may be up to 1 MiB behind; then
/// the input waits for it, because otherwise the memory would have no limit. A client stalls the
/// broadcast if the input has waited for it for 10 s while another client has received everything.
/// A client that is alone may make the input wait for ever.
///
/// It does no I/O: the calling code passes the time since a fixed moment.
struct Broadcaster {
    typealias ClientID = Int

    /// The bytes that each client has yet to receive.
    private var pending: [ClientID: Int] = [:]
    // Counted, because otherwise each write would have to look at every client.
    private var fullClients = 0
    private var idleCount = 0
    private var lastID = 0
    /// Whether there is input that cannot be sent yet.
    private var isInputWaiting = false
    /// The time since which a client is known to stall the broadcast.
    private var stalledSince: [ClientID: Duration] = [:]

    static let maximumPending = 1 << 20
    static let stallTimeout = Duration.seconds(10)

    /// Adds a client, which gets the input from now on.
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

    /// Records that all clients get so many bytes of the input.
    mutating func broadcast(_ bytes: Int) {
        isInputWaiting = false
        stalledSince.removeAll()
        for client in pending.keys { change(client, by: bytes) }
    }

    /// Records that a client has received so many bytes.
    mutating func didSend(_ bytes: Int, to client: ClientID) {
        change(client, by: -bytes)
    }

    var isEmpty: Bool { pending.isEmpty }

    /// Whether there are clients, and all of them can get more input.
    var isReady: Bool { !pending.isEmpty && fullClients == 0 }

    /// Records that there is input to send as soon as all clients are ready.
    mutating func inputIsWaiting() {
        isInputWaiting = true
    }

    /// Returns the bytes that a client has yet to receive; 0 after its removal.
    func pendingBytes(of client: ClientID) -> Int { pending[client] ?? 0 }

    /// Returns whether a client has stalled the broadcast for too long.
    ///
    /// Call it now and then, because the time counts from the first call that finds the client
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
