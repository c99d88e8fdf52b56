internal import HeapModule

/// What a loop tells that the time has come.
protocol TimerTarget: AnyObject {
    /// The timer for `instant` fired. Returns the instant for the next one, if there is to be one.
    func timerFired(_ direction: EventSource.Direction, _ instant: Int64, _ now: Int64) -> Int64?
    /// Whether the timer for `instant` still counts; another one may have taken its place.
    func awaits(_ direction: EventSource.Direction, _ instant: Int64) -> Bool
}

/// The deadlines of a loop's sources, soonest first.
///
/// A source has at most one entry that counts for each direction. A deadline that moves later
/// leaves its entry where it is: when it fires and finds that it is too early, it is put back. So
/// an operation under a limit usually costs no more than a store.
struct TimerQueue {
    private struct Entry: Comparable {
        var instant: Int64
        var direction: EventSource.Direction
        // A connection that has been closed does not stay in memory for its deadline.
        weak var target: (any TimerTarget)?

        var counts: Bool { target?.awaits(direction, instant) ?? false }

        static func < (one: Entry, other: Entry) -> Bool { one.instant < other.instant }
        static func == (one: Entry, other: Entry) -> Bool { one.instant == other.instant }
    }

    private var heap = Heap<Entry>()
    /// The instant of the first entry, which every turn of a loop asks for; `Int64.max` is none.
    private var soonest = Int64.max
    /// With so many entries it is time to look which of them count.
    private var nextSweep = smallestSweep

    private static let smallestSweep = 1024

    /// How many entries there are, those that count and others.
    var count: Int { heap.count }

    mutating func insert(
        _ target: any TimerTarget, _ direction: EventSource.Direction, at instant: Int64
    ) {
        if heap.count >= nextSweep { sweep() }
        heap.insert(Entry(instant: instant, direction: direction, target: target))
        soonest = min(soonest, instant)
    }

    /// Takes out the entries that do not count: of connections that come and go under a long limit
    /// each would leave one behind until that has passed. Each insertion pays for a share of it.
    private mutating func sweep() {
        heap = Heap(heap.unordered.filter(\.counts))
        soonest = heap.min?.instant ?? .max
        nextSweep = max(Self.smallestSweep, 2 * heap.count)
    }

    /// How many nanoseconds remain until the first entry; nil if there is none.
    func wait(from now: Int64) -> Int64? {
        soonest == .max ? nil : max(0, soonest - now)
    }

    /// Takes out the entries whose time has come, and tells their targets.
    @inline(__always)
    mutating func fire(at now: Int64) {
        if _slowPath(soonest <= now) { fireDue(at: now) }
    }

    private mutating func fireDue(at now: Int64) {
        defer { soonest = heap.min?.instant ?? .max }
        while let first = heap.min, first.instant <= now {
            heap.removeMin()
            guard let next = first.target?.timerFired(first.direction, first.instant, now) else {
                continue
            }
            var entry = first
            entry.instant = next
            heap.insert(entry)
        }
    }
}
