internal import HeapModule

/// What a loop tells that the time has come.
protocol TimerTarget: AnyObject {
    /// The time has come. Returns the instant for the next time, if there is to be one.
    func timerFired(_ direction: EventSource.Direction, _ now: Int64) -> Int64?
}

/// The deadlines of a loop's sources, soonest first.
///
/// A source has at most one entry that counts for each direction. A deadline that moves later
/// leaves its entry where it is: when it fires and finds that it is too early, it is put back. So
/// an operation under a limit usually costs no more than a store.
struct TimerQueue {
    /// One entry, for whoever may want to cancel it.
    ///
    /// It holds its target until it has fired or is cancelled. A weak reference would do without
    /// being cancelled, but an object that was ever referred to weakly counts its other references
    /// in a second place, and every operation of every connection would pay for that.
    final class Ticket {
        fileprivate var target: (any TimerTarget)?
        fileprivate let direction: EventSource.Direction
        fileprivate(set) var instant: Int64

        fileprivate init(
            _ target: any TimerTarget, _ direction: EventSource.Direction, at instant: Int64
        ) {
            self.target = target
            self.direction = direction
            self.instant = instant
        }

        /// Nobody is told any more.
        func cancel() { target = nil }
    }

    private struct Entry: Comparable {
        let instant: Int64
        let ticket: Ticket

        static func < (one: Entry, other: Entry) -> Bool { one.instant < other.instant }
        static func == (one: Entry, other: Entry) -> Bool { one.instant == other.instant }
    }

    private var heap = Heap<Entry>()
    /// The instant of the first entry, which every turn of a loop asks for; `Int64.max` is none.
    private var soonest = Int64.max
    /// With so many entries it is time to look which of them count.
    private var nextSweep = smallestSweep

    private static let smallestSweep = 1024

    /// How many entries there are, those that were cancelled included.
    var count: Int { heap.count }

    /// Whether nothing is to be told, ever.
    @inline(__always)
    var isEmpty: Bool { soonest == .max }

    @discardableResult
    mutating func insert(
        _ target: any TimerTarget, _ direction: EventSource.Direction, at instant: Int64
    ) -> Ticket {
        if heap.count >= nextSweep { sweep() }
        let ticket = Ticket(target, direction, at: instant)
        insert(ticket)
        return ticket
    }

    /// Takes out the entries that were cancelled: of connections that come and go under a long limit
    /// each would leave one behind until that has passed. Each insertion pays for a share of it.
    private mutating func sweep() {
        heap = Heap(heap.unordered.filter { $0.ticket.target != nil })
        soonest = heap.min?.instant ?? .max
        nextSweep = max(Self.smallestSweep, 2 * heap.count)
    }

    private mutating func insert(_ ticket: Ticket) {
        heap.insert(Entry(instant: ticket.instant, ticket: ticket))
        soonest = min(soonest, ticket.instant)
    }

    /// How many nanoseconds remain until the first entry; nil if there is none.
    func wait(from now: Int64) -> Int64? {
        isEmpty ? nil : max(0, soonest - now)
    }

    /// Takes out the entries whose time has come, and tells their targets.
    @inline(__always)
    mutating func fire(at now: Int64) {
        if _slowPath(soonest <= now) { fireDue(at: now) }
    }

    private mutating func fireDue(at now: Int64) {
        defer { soonest = heap.min?.instant ?? .max }
        while let ticket = heap.min?.ticket, ticket.instant <= now {
            heap.removeMin()
            if let next = ticket.target?.timerFired(ticket.direction, now) {
                ticket.instant = next
                insert(ticket)
            } else {
                ticket.cancel()
            }
        }
    }
}
