internal import CSockets
internal import Glibc
internal import SystemPackage

/// The back end of an event loop: edge-triggered epoll(7), and an eventfd(2) for wakeups.
///
/// The event loop relies on this contract: Each descriptor is registered once. Each change is
/// reported once, to the waiting thread. Any thread may call `register`, `deregister` and `wake`.
/// After `deregister` has returned, no later wait reports the descriptor.
struct Poller: ~Copyable {
    private let epoll: Int32
    private let eventDescriptor: Int32
    /// The reason why the poller could not be created; `nil` if it works.
    let failure: Errno?
    // Safe: this value owns the memory, and only the waiting thread accesses it.
    private let events: UnsafeMutablePointer<epoll_event>

    /// The number of changes that one wait can report.
    private static let capacity = 256

    /// Creates a poller: epoll_create1(2) and eventfd(2).
    static func make() throws(Errno) -> Poller {
        if let kernel = Simulation.kernel {
            let (epoll, eventDescriptor) = kernel.makePoller()
            return Poller(epoll: epoll, eventDescriptor: eventDescriptor, failure: nil)
        }
        let epoll = try systemCall(.epoll_create1) { epoll_create1(Int32(EPOLL_CLOEXEC)) }
        let eventDescriptor: Int32
        do throws(Errno) {
            eventDescriptor = try System.makeEvent()
        } catch {
            System.close(epoll)
            throw error
        }
        let poller = Poller(epoll: epoll, eventDescriptor: eventDescriptor, failure: nil)
        // The eventfd is never drained, because each write triggers a new edge, and its counter
        // would take centuries to overflow.
        try poller.register(eventDescriptor, token: 0, reportsWritable: false)
        return poller
    }

    /// Creates a poller whose registrations fail with this error.
    static func failing(_ failure: Errno) -> Poller {
        Poller(epoll: -1, eventDescriptor: -1, failure: failure)
    }

    private init(epoll: Int32, eventDescriptor: Int32, failure: Errno?) {
        self.epoll = epoll
        self.eventDescriptor = eventDescriptor
        self.failure = failure
        events = .allocate(capacity: Self.capacity)
    }

    deinit {
        if failure == nil {
            System.close(epoll)
            System.close(eventDescriptor)
        }
        events.deallocate()
    }

    /// Starts to report the readiness of a descriptor, identified by `token`: epoll_ctl(2).
    ///
    /// Token 0 is reserved for the eventfd. Write readiness is reported only if `reportsWritable`
    /// is true.
    func register(_ descriptor: Int32, token: UInt, reportsWritable: Bool = true) throws(Errno) {
        try control(EPOLL_CTL_ADD, descriptor, token, reportsWritable)
    }

    /// Changes whether write readiness of a registered descriptor is reported, and reports its
    /// current readiness again: epoll_ctl(2).
    func change(_ descriptor: Int32, token: UInt, reportsWritable: Bool) throws(Errno) {
        try control(EPOLL_CTL_MOD, descriptor, token, reportsWritable)
    }

    private func control(
        _ request: Int32, _ descriptor: Int32, _ token: UInt, _ reportsWritable: Bool
    ) throws(Errno) {
        if let failure { throw failure }
        var event = epoll_event()
        event.events = reportsWritable ? csockets_epoll_interest : csockets_epoll_input
        event.data.u64 = UInt64(token)
        if let kernel = Simulation.kernel {
            return kernel.watch(descriptor, by: epoll, token, reportsWritable: reportsWritable)
        }
        _ = try systemCall(.epoll_ctl) { epoll_ctl(epoll, request, descriptor, &event) }
    }

    /// Stops reporting the readiness of a descriptor: epoll_ctl(2).
    func deregister(_ descriptor: Int32) {
        if let kernel = Simulation.kernel { return kernel.unwatch(descriptor, by: epoll) }
        var event = epoll_event()
        // The call fails only if the descriptor was never registered, so its error is ignored.
        _ = try? systemCall(.epoll_ctl) { epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event) }
    }

    /// Ends the current wait or the next one.
    func wake() {
        if let kernel = Simulation.kernel { return kernel.wake(epoll) }
        guard failure == nil else { return }
        System.signal(event: eventDescriptor)
    }

    /// Waits until a descriptor changes, a thread calls `wake`, or the time limit ends, and reports
    /// the changes: epoll_wait(2).
    ///
    /// - Parameters:
    ///   - nanoseconds: The time limit, or `nil` for no limit.
    ///   - woken: Called if a thread has called `wake`.
    ///   - changed: Called with the token and the readiness of each changed descriptor.
    func wait(nanoseconds: Int64?, woken: () -> Void, changed: (UInt, Readiness) -> Void) {
        if let kernel = Simulation.kernel {
            for (token, readiness) in kernel.events(of: epoll) {
                if token == 0 { woken() } else { changed(token, readiness) }
            }
            return
        }
        // Round up, so that no timer fires early.
        let milliseconds = nanoseconds.map { ($0 + 999_999) / 1_000_000 } ?? -1
        let count =
            (try? systemCall(.epoll_wait, onInterrupt: .report) {
                epoll_wait(epoll, events, Int32(Self.capacity), Int32(clamping: milliseconds))
            }) ?? 0
        for index in 0..<Int(count) {
            let token = UInt(events[index].data.u64)
            if token == 0 {
                woken()
            } else {
                changed(token, Self.readiness(events[index].events))
            }
        }
    }

    @inline(__always)
    private static func readiness(_ events: UInt32) -> Readiness {
        var readiness: Readiness = []
        if events & csockets_epoll_readable != 0 { readiness.insert(.readable) }
        if events & csockets_epoll_writable != 0 { readiness.insert(.writable) }
        if events & csockets_epoll_ending != 0 { readiness.insert(.ending) }
        return readiness
    }
}
