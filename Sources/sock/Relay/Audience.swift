import Sockets

/// Decides when the callers of `sock -lk` can be given more of the input, and who of them holds up
/// the others.
///
/// All get the same bytes, each at his own pace: a caller may be up to 1 MiB behind. Then the input
/// has to wait for him, or the memory that it takes would have no bounds. A caller who lets it wait
/// for 10 s, without making room for the next piece, while somebody else has taken all that there
/// is, is in the way. Where there is nobody else, it may wait for ever.
///
/// Pure: the clock is the caller's, and every instant is the time since some start.
struct Audience {
    typealias Member = Int

    /// What each member has been given, and not yet taken.
    private var backlogs: [Member: Int] = [:]
    // Counted, because every piece that is taken would otherwise have to ask everybody.
    private var originalCount = 0
    private var servedCount = 0
    private var nextMember = 0
    /// There is input that cannot be given yet.
    private var isInputWaiting = false
    /// Since when a member has been known to keep others from it.
    private var inTheWaySince: [Member: Duration] = [:]

    static let largestBacklog = 1 << 20
    static let longestWait = Duration.seconds(10)

    /// Somebody has come, who gets what is given from now on.
    mutating func join() -> Member {
        nextMember += 1
        backlogs[nextMember] = 0
        servedCount += 1
        return nextMember
    }

    /// Somebody has gone.
    mutating func leave(_ member: Member) {
        guard let backlog = backlogs.removeValue(forKey: member) else { return }
        inTheWaySince[member] = nil
        count(backlog, by: -1)
    }

    /// So many bytes go to everybody.
    mutating func give(_ bytes: Int) {
        isInputWaiting = false
        inTheWaySince.removeAll()
        for member in backlogs.keys { change(member, by: bytes) }
    }

    /// A member has taken so many of his bytes.
    mutating func take(_ bytes: Int, by member: Member) {
        change(member, by: -bytes)
    }

    var isEmpty: Bool { backlogs.isEmpty }

    /// Whether there is somebody, and everybody can be given more.
    var isReady: Bool { !backlogs.isEmpty && originalCount == 0 }

    /// There is input to be given, once everybody is ready.
    mutating func awaitRoom() {
        isInputWaiting = true
    }

    /// What a member has been given, and not yet taken; 0 once he has gone.
    func backlog(of member: Member) -> Int { backlogs[member] ?? 0 }

    /// Whether a member who takes nothing has kept others from the input for too long. To be asked
    /// now and then: the time counts from the first answer that could have been yes.
    mutating func isInTheWay(_ member: Member, at now: Duration) -> Bool {
        guard isInputWaiting, servedCount > 0, backlog(of: member) >= Self.largestBacklog else {
            inTheWaySince[member] = nil
            return false
        }
        let since = inTheWaySince[member] ?? now
        inTheWaySince[member] = since
        return now - since >= Self.longestWait
    }

    private mutating func change(_ member: Member, by bytes: Int) {
        guard let backlog = backlogs[member] else { return }
        count(backlog, by: -1)
        backlogs[member] = backlog + bytes
        count(backlog + bytes, by: 1)
    }

    private mutating func count(_ backlog: Int, by one: Int) {
        if backlog >= Self.largestBacklog { originalCount += one }
        if backlog == 0 { servedCount += one }
    }
}
