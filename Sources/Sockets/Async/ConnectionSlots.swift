internal import DequeModule

/// The places for connections: how many are taken, and who waits for another one to leave.
///
/// A listener may accept with several sockets, on several threads, into the same places. Whoever
/// waits for room is called in the order of coming: no socket's callers starve while a server is
/// full.
final class ConnectionSlots: Sendable {
    private struct State {
        var taken = 0
        /// There is no place.
        var waitingForRoom = Deque<Wakeup>()
        /// There is something else that those who leave may give back, such as a descriptor.
        var waitingForLeave = Deque<Wakeup>()
    }

    private let maximum: Int
    private let state = Lock(State())

    /// So many places, at least one; without end if nil.
    init(_ maximum: Int?) {
        self.maximum = max(1, maximum ?? .max)
    }

    /// How many places are taken.
    var taken: Int { state.withLock { $0.taken } }

    /// Takes a place, if there is one.
    func take() -> Bool {
        state.withLock { state in
            guard state.taken < maximum else { return false }
            state.taken += 1
            return true
        }
    }

    /// Gives a place back that came to be of no use: there was no caller for it.
    func giveBack() {
        let next = state.withLock { state in
            state.taken -= 1
            return state.waitingForRoom.popFirst()
        }
        next?.ring()
    }

    /// A connection has been closed: there is a place, and a descriptor.
    ///
    /// Not so in `giveBack`: two who wait for a descriptor would call each other for ever.
    func leave() {
        let (first, second) = state.withLock { state in
            state.taken -= 1
            return (state.waitingForRoom.popFirst(), state.waitingForLeave.popFirst())
        }
        first?.ring()
        second?.ring()
    }

    /// Waits until there may be a place; not at all if there is one.
    ///
    /// The caller has reset the alarm, which others may ring for reasons of their own.
    func awaitRoom(_ alarm: Wakeup, on loop: EventLoop) async {
        let isFull = state.withLock { state in
            guard state.taken >= maximum else { return false }
            state.waitingForRoom.append(alarm)
            return true
        }
        guard isFull else { return }
        await alarm.wait(on: loop)
        state.withLock { $0.waitingForRoom.removeAll { $0 === alarm } }
    }

    /// Waits until a connection has been closed, or the instant has come; see `awaitRoom`.
    ///
    /// - Parameter least: with fewer connections than this it does not wait at all.
    func awaitLeave(
        _ alarm: Wakeup, atLeast least: Int = 0, until instant: Int64, on loop: EventLoop
    ) async {
        let mustWait = state.withLock { state in
            guard state.taken >= least else { return false }
            state.waitingForLeave.append(alarm)
            return true
        }
        guard mustWait else { return }
        await alarm.wait(until: instant, on: loop)
        state.withLock { $0.waitingForLeave.removeAll { $0 === alarm } }
    }
}
