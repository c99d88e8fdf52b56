internal import CSockets
internal import Glibc
internal import SystemPackage

/// What has happened to a descriptor.
struct Readiness: OptionSet {
    let rawValue: UInt8

    /// There is something to read, or to accept.
    static let readable = Readiness(rawValue: 1)
    /// There is room to write, or a connect has ended.
    static let writable = Readiness(rawValue: 2)
    /// The peer has ended or broken the connection: reads and writes will tell how. Or it has sent
    /// urgent data, before which a read stops short though there is more.
    static let ending = Readiness(rawValue: 4)
}

/// The back end of an event loop, on Linux: epoll(7), edge-triggered, and an eventfd(2) to wake it.
///
/// The contract for other platforms: a descriptor is registered once; a change is
/// told once, to the thread that waits; `register`, `deregister` and `wake` may be called by any
/// thread; after `deregister` has returned, no wait that begins later tells of the descriptor.
struct Poller: ~Copyable {
    private let epoll: Int32
    private let eventDescriptor: Int32
    /// Why it cannot watch anything.
    let failure: Errno?
    // Safe: the memory is this value's own, and only the thread that waits touches it.
    private let events: UnsafeMutablePointer<epoll_event>

    /// How many changes one wait can tell.
    private static let capacity = 256

    /// epoll_create1(2) and eventfd(2)
    static func make() throws(Errno) -> Poller {
        #if DEBUG
            if let kernel = Simulation.kernel {
                let (epoll, eventDescriptor) = kernel.makePoller()
                return Poller(epoll: epoll, eventDescriptor: eventDescriptor, failure: nil)
            }
        #endif
        let epoll = try systemCall(.epoll_create1) { epoll_create1(Int32(EPOLL_CLOEXEC)) }
        let eventDescriptor: Int32
        do throws(Errno) {
            eventDescriptor = try systemCall(.eventfd) {
                eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
            }
        } catch {
            System.close(epoll)
            throw error
        }
        let poller = Poller(epoll: epoll, eventDescriptor: eventDescriptor, failure: nil)
        // Never read: each write is an edge of its own, and its counter never fills.
        try poller.register(eventDescriptor, token: 0, reportsWritable: false)
        return poller
    }

    /// One that could not be made: registering fails with the reason.
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

    /// epoll_ctl(2): tells of this descriptor from now on, under a token that is not 0; also when
    /// there is room to write, or only when there is something to read.
    func register(
        _ descriptor: Int32, token: UInt, reportsWritable: Bool = true
    ) throws(Errno) {
        try control(EPOLL_CTL_ADD, descriptor, token, reportsWritable)
    }

    /// epoll_ctl(2): the same of a descriptor that is registered, which is told of anew.
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
        #if DEBUG
            if let kernel = Simulation.kernel {
                return kernel.watch(descriptor, by: epoll, token, reportsWritable: reportsWritable)
            }
        #endif
        _ = try systemCall(.epoll_ctl) { epoll_ctl(epoll, request, descriptor, &event) }
    }

    /// epoll_ctl(2): tells of this descriptor no more.
    func deregister(_ descriptor: Int32) {
        #if DEBUG
            if let kernel = Simulation.kernel { return kernel.unwatch(descriptor, by: epoll) }
        #endif
        var event = epoll_event()
        // Fails only if it was never registered.
        _ = try? systemCall(.epoll_ctl) { epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event) }
    }

    /// Ends the wait that is under way, or the next one.
    func wake() {
        #if DEBUG
            if let kernel = Simulation.kernel { return kernel.wake(epoll) }
        #endif
        guard failure == nil else { return }
        var one: UInt64 = 1
        // Fails only when the counter is full, after centuries.
        _ = try? systemCall(.write) { Glibc.write(eventDescriptor, &one, 8) }
    }

    /// epoll_wait(2): waits at most so many nanoseconds (nil: for ever) and tells what happened.
    ///
    /// - Parameters:
    ///   - woken: somebody has called `wake`.
    ///   - changed: the token of a descriptor, and what happened to it.
    func wait(
        nanoseconds: Int64?, woken: () -> Void, changed: (UInt, Readiness) -> Void
    ) {
        #if DEBUG
            if let kernel = Simulation.kernel {
                for (token, readiness) in kernel.events(of: epoll) {
                    if token == 0 { woken() } else { changed(token, readiness) }
                }
                return
            }
        #endif
        // Rounded up: nothing happens before its time.
        let milliseconds = nanoseconds.map { ($0 + 999_999) / 1_000_000 } ?? -1
        let count =
            (try? systemCall(.epoll_wait, onInterrupt: .report) {
                epoll_wait(
                    epoll, events, Int32(Self.capacity), Int32(clamping: milliseconds))
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

/// A descriptor that is readable while one of the descriptors it watches is writable: epoll(7) again,
/// which can itself be registered with a poller.
struct WriteWatch {
    let descriptor: Int32

    /// epoll_create1(2); the descriptor is the caller's to close.
    static func make() throws(Errno) -> WriteWatch {
        WriteWatch(
            descriptor: try systemCall(.epoll_create1) { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    }

    /// epoll_ctl(2): watches a descriptor, until that is closed.
    func add(_ watched: Int32) throws(Errno) {
        var event = epoll_event()
        event.events = csockets_epoll_writable
        _ = try systemCall(.epoll_ctl) { epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event) }
    }
}
