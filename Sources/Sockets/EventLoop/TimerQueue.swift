internal import HeapModule

/// An object that the timers of a loop can call.
protocol TimerTarget: AnyObject {
    /// Handles a timer that fired.
    ///
    /// Returns the instant at which the timer fires again, or `nil` if it is done.
    func timerFired(_ direction: EventSource.Direction, _ now: Int64) -> Int64?
}

/// A queue of the deadlines of a loop's sources, earliest first.
///
/// A source has at most one active timer for each direction. If a deadline is postponed, its timer
/// does not change. When the timer fires early, it is put back into the queue. So the deadline of
/// an operation usually costs only a store.
struct TimerQueue {
    /// A timer that its creator may cancel.
    ///
    /// It retains its target until it has fired or is cancelled. A weak reference would make
    /// cancellation unnecessary. But an object that was ever referenced weakly stores its reference
    /// counts in a side table, which would slow down every operation of every connection.
    final class Timer {
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

        /// Cancels the timer and releases its target.
        func cancel() { target = nil }
    }

    private struct Entry: Comparable {
        let instant: Int64
        let timer: Timer

        static func < (one: Entry, other: Entry) -> Bool { one.instant < other.instant }
        static func == (one: Entry, other: Entry) -> Bool { one.instant == other.instant }
    }

    private var heap = Heap<Entry>()
    /// The instant of the first timer, or `Int64.max` for none.
    ///
    /// It is cached, because every turn of the loop reads it.
    private var earliest = Int64.max
    /// The number of entries that causes the next `sweep`.
    private var nextSweep = smallestSweep

    private static let smallestSweep = 1024

    /// The number of entries, including cancelled entries.
    var count: Int { heap.count }

    /// A Boolean value that indicates whether the queue has no timers.
    @inline(__always)
    var isEmpty: Bool { earliest == .max }

    /// Adds a timer that fires at `instant`.
    @discardableResult
    mutating func insert(
        _ target: any TimerTarget, _ direction: EventSource.Direction, at instant: Int64
    ) -> Timer {
        if heap.count >= nextSweep { sweep() }
        let timer = Timer(target, direction, at: instant)
        insert(timer)
        return timer
    }

    /// Removes cancelled timers.
    ///
    /// Otherwise each short-lived connection with a long limit would leave a timer in the queue
    /// until the limit has passed. The cost is spread over the insertions.
    private mutating func sweep() {
        heap = Heap(heap.unordered.filter { $0.timer.target != nil })
        earliest = heap.min?.instant ?? .max
        nextSweep = max(Self.smallestSweep, 2 * heap.count)
    }

    private mutating func insert(_ timer: Timer) {
        heap.insert(Entry(instant: timer.instant, timer: timer))
        earliest = min(earliest, timer.instant)
    }

    /// Returns the nanoseconds until the first timer, or `nil` if there is none.
    func wait(from now: Int64) -> Int64? { isEmpty ? nil : max(0, earliest - now) }

    /// Removes the timers that are due, and calls their targets.
    @inline(__always)
    mutating func fire(at now: Int64) { if _slowPath(earliest <= now) { fireDue(at: now) } }

    private mutating func fireDue(at now: Int64) {
        defer { earliest = heap.min?.instant ?? .max }
        while let timer = heap.min?.timer, timer.instant <= now {
            heap.removeMin()
            if let next = timer.target?.timerFired(timer.direction, now) {
                timer.instant = next
                insert(timer)
            } else {
                timer.cancel()
            }
        }
    }
}
