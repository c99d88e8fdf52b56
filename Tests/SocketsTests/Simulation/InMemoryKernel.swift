import SystemPackage

@testable import Sockets

/// A kernel in memory with byte streams, edge-triggered readiness and a clock that moves only on demand.
///
/// The seed determines everything that a real kernel leaves open: how many bytes a send accepts,
/// how long the bytes travel, which events a wait reports and in which order, and when a signal
/// interrupts a call.
///
/// This kernel guarantees only what epoll(7) documents. Each arrival triggers an edge. Free space
/// triggers an edge only after a send failed for lack of space. A call on a descriptor that is not
/// open ends the program.
final class InMemoryKernel: SimulatedKernel, @unchecked Sendable {
    // Safe: only one thread uses it, and that thread runs everything.

    /// Something that travels to an end of a stream.
    private enum Arrival {
        case bytes([UInt8])
        /// The peer has half-closed.
        case end
        /// The peer has reset the connection.
        case reset
        /// The peer has read, so there is space to write.
        case room
    }

    private struct Flight {
        var instant: Int64
        var arrival: Arrival
    }

    /// One end of a stream.
    private struct End {
        /// The other end, or this end if it listens.
        let peer: Int32
        /// The maximum number of bytes that travel to this end or wait in it.
        let capacity: Int
        var incoming: [UInt8] = []
        var flights: [Flight] = []
        var isOpen = true
        var hasEnded = false
        var isAtEnd = false
        var isBroken = false
        var error: Errno?
        /// A send failed for lack of space.
        var wantsSpace = false
        var watch: (epoll: Int32, token: UInt, reportsWritable: Bool)?
        var hasChanged = false
        /// The backlog of a listening socket: the ends of clients that were not accepted yet.
        var queue: [Int32]?

        var bytesUnderWay: Int {
            flights.reduce(incoming.count) { sum, flight in
                if case .bytes(let bytes) = flight.arrival { sum + bytes.count } else { sum }
            }
        }
    }

    private(set) var nanoseconds: Int64 = 1_000_000_000
    /// Whether the clock moves during calls that transfer bytes.
    ///
    /// No data arrives during these calls.
    var callsTakeTime = false
    private var random: SeededGenerator
    private var ends: [Int32: End] = [:]
    private var pollers: [Int32: Bool] = [:]
    private var next: Int32 = 1000
    /// A hash of what has happened.
    ///
    /// Two runs with one seed must have the same hash.
    private(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// Returns a number below `count`.
    func draw(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

    func note(_ values: Int...) {
        for value in values {
            trace = (trace ^ UInt64(bitPattern: Int64(value))) &* 0x100_0000_01B3
        }
    }

    private func takeTime() {
        guard callsTakeTime else { return }
        let times: [Int64] = [0, 0, 0, 0, 3_000, 90_000, 4_000_000]
        nanoseconds += times[draw(times.count)]
    }

    // MARK: Streams

    /// Returns both ends of a new stream with space for `capacity` bytes in each direction.
    func makeStream(capacity: Int) -> (Int32, Int32) {
        let (one, other) = (next, next + 1)
        next += 2
        ends[one] = End(peer: other, capacity: capacity)
        ends[other] = End(peer: one, capacity: capacity)
        return (one, other)
    }

    private func end(_ descriptor: Int32, _ call: StaticString) -> End {
        guard let end = ends[descriptor], end.isOpen else {
            preconditionFailure("\(call) on \(descriptor), which is not open")
        }
        return end
    }

    func receive(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        let end = end(descriptor, "recv")
        takeTime()
        if draw(24) == 0 { throw .interrupted }
        let count = min(end.incoming.count, buffer.count)
        note(1, Int(descriptor), count)
        if count > 0 {
            buffer.copyBytes(from: end.incoming[..<count])
            ends[descriptor]?.incoming.removeFirst(count)
            send(.room, to: end.peer)
            return count
        }
        if let error = end.error {
            ends[descriptor]?.error = nil
            throw error
        }
        guard end.isAtEnd || end.isBroken || buffer.isEmpty else { throw .wouldBlock }
        return 0
    }

    func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        let end = end(descriptor, "send")
        takeTime()
        if draw(24) == 0 { throw .interrupted }
        if let error = end.error {
            ends[descriptor]?.error = nil
            throw error
        }
        guard !end.isBroken, !end.hasEnded else { throw .brokenPipe }
        let room = room(for: end)
        guard room > 0 else {
            note(2, Int(descriptor))
            ends[descriptor]?.wantsSpace = true
            throw .wouldBlock
        }
        var count = min(room, bytes.count)
        if count > 1, draw(4) == 0 { count = 1 + draw(count) }
        note(3, Int(descriptor), count)
        send(.bytes(Array(bytes[..<count])), to: end.peer)
        return count
    }

    private func room(for end: End) -> Int {
        guard let peer = ends[end.peer], peer.isOpen else { return end.capacity }
        return peer.capacity - peer.bytesUnderWay
    }

    func shutdown(_ descriptor: Int32, _ direction: ShutdownDirection) throws(Errno) {
        let end = end(descriptor, "shutdown")
        note(4, Int(descriptor))
        guard !end.isBroken else { throw .socketNotConnected }
        if direction != .write {
            ends[descriptor]?.isAtEnd = true
            ends[descriptor]?.hasChanged = true
        }
        if direction != .read, !end.hasEnded {
            ends[descriptor]?.hasEnded = true
            ends[descriptor]?.hasChanged = true
            send(.end, to: end.peer)
        }
    }

    func close(_ descriptor: Int32) {
        if let isOpen = pollers[descriptor] {
            precondition(isOpen, "close of the poller \(descriptor), which is not open")
            pollers[descriptor] = false
            return
        }
        let end = end(descriptor, "close")
        note(5, Int(descriptor))
        precondition(end.watch == nil, "close of \(descriptor), which is still watched")
        ends[descriptor]?.isOpen = false
        if let queue = end.queue {
            for client in queue { close(client) }
        } else if end.bytesUnderWay > 0 {
            send(.reset, to: end.peer)
        } else if !end.hasEnded {
            send(.end, to: end.peer)
        }
    }

    // MARK: Clients

    /// Returns a listening socket.
    func makeListener() -> Int32 {
        ends[next] = End(peer: next, capacity: 1, queue: [])
        next += 1
        return next - 1
    }

    /// Connects to a listener and returns the client's end, or nil if the listener is closed.
    func connect(to listener: Int32, capacity: Int) -> Int32? {
        guard ends[listener]?.isOpen == true else { return nil }
        let (here, there) = makeStream(capacity: capacity)
        ends[listener]?.queue?.append(there)
        ends[listener]?.hasChanged = true
        return here
    }

    func accept(_ descriptor: Int32) throws(Errno) -> Int32 {
        let end = end(descriptor, "accept")
        takeTime()
        // A signal, a client that has disconnected, and a temporary shortage of descriptors.
        switch draw(30) {
        case 0: throw .interrupted
        case 1: throw .connectionAbort
        case 2: throw .tooManyOpenFiles
        default: break
        }
        guard let client = end.queue?.first else { throw .wouldBlock }
        note(10, Int(client))
        ends[descriptor]?.queue?.removeFirst()
        return client
    }

    /// Resets a stream for both ends.
    func breakStream(_ descriptor: Int32) {
        guard let end = ends[descriptor] else { return }
        arrive(.reset, at: descriptor)
        arrive(.reset, at: end.peer)
    }

    // MARK: The network

    /// Sends something to an end.
    ///
    /// It arrives after everything that was sent to this end before.
    private func send(_ arrival: Arrival, to descriptor: Int32) {
        guard let end = ends[descriptor] else { return }
        let delays: [Int64] = [0, 0, 0, 7_000, 400_000, 1_000_000, 5_300_000]
        let instant = nanoseconds + delays[draw(delays.count)]
        let last = end.flights.last?.instant ?? 0
        ends[descriptor]?.flights.append(
            Flight(instant: max(instant, last), arrival: arrival))
    }

    private func arrive(_ arrival: Arrival, at descriptor: Int32) {
        guard var end = ends[descriptor], end.isOpen else {
            // Sending to a closed end resets the sender's end.
            if case .bytes = arrival, let peer = ends[descriptor]?.peer { send(.reset, to: peer) }
            return
        }
        switch arrival {
        case .bytes(let bytes):
            guard !end.isBroken else { return }
            end.incoming += bytes
            end.hasChanged = true
        case .end:
            end.isAtEnd = true
            end.hasChanged = true
        case .reset:
            guard !end.isBroken else { return }
            end.isBroken = true
            end.error = .connectionReset
            end.incoming = []
            end.hasChanged = true
        case .room:
            if end.wantsSpace, room(for: end) > 0 {
                end.wantsSpace = false
                end.hasChanged = true
            }
        }
        ends[descriptor] = end
    }

    /// The time of the next arrival, or nil if nothing is in flight.
    var nextArrival: Int64? {
        ends.values.compactMap { $0.flights.first?.instant }.min()
    }

    /// Moves the clock and delivers everything that is due.
    func advance(to instant: Int64) {
        nanoseconds = max(nanoseconds, instant)
        for descriptor in ends.keys.sorted() {
            while let flight = ends[descriptor]?.flights.first, flight.instant <= nanoseconds {
                ends[descriptor]?.flights.removeFirst()
                arrive(flight.arrival, at: descriptor)
            }
        }
    }

    // MARK: Events

    func makePoller() -> (epoll: Int32, eventDescriptor: Int32) {
        let (epoll, eventDescriptor) = (next, next + 1)
        next += 2
        (pollers[epoll], pollers[eventDescriptor]) = (true, true)
        return (epoll, eventDescriptor)
    }

    private var woken: Set<Int32> = []

    func watch(_ descriptor: Int32, by epoll: Int32, _ token: UInt, reportsWritable: Bool) {
        _ = end(descriptor, "epoll_ctl")
        ends[descriptor]?.watch = (epoll, token, reportsWritable)
        ends[descriptor]?.hasChanged = true
    }

    func unwatch(_ descriptor: Int32, by epoll: Int32) {
        let end = end(descriptor, "epoll_ctl")
        precondition(end.watch?.epoll == epoll, "\(descriptor) is not watched")
        ends[descriptor]?.watch = nil
    }

    func wake(_ epoll: Int32) {
        precondition(pollers[epoll] == true, "write to an eventfd that is not open")
        woken.insert(epoll)
    }

    /// Whether a wait would return at once.
    func hasEvents(_ epoll: Int32) -> Bool {
        woken.contains(epoll)
            || ends.values.contains { $0.hasChanged && $0.watch?.epoll == epoll }
    }

    func events(of epoll: Int32) -> [(token: UInt, readiness: Readiness)] {
        precondition(pollers[epoll] == true, "epoll_wait on one that is not open")
        var events: [(token: UInt, readiness: Readiness)] = []
        for descriptor in ends.keys.sorted() {
            guard let end = ends[descriptor], end.hasChanged, let watch = end.watch,
                watch.epoll == epoll
            else { continue }
            // The next wait may report it instead.
            guard draw(5) != 0 else { continue }
            ends[descriptor]?.hasChanged = false
            let readiness = readiness(of: end, reportsWritable: watch.reportsWritable)
            note(6, Int(descriptor), Int(readiness.rawValue))
            guard !readiness.isEmpty else { continue }
            events.insert((watch.token, readiness), at: draw(events.count + 1))
        }
        if woken.remove(epoll) != nil { events.insert((0, []), at: draw(events.count + 1)) }
        return events
    }

    private func readiness(of end: End, reportsWritable: Bool) -> Readiness {
        var readiness: Readiness = []
        if !end.incoming.isEmpty || end.isAtEnd || end.isBroken || end.queue?.isEmpty == false {
            readiness.insert(.readable)
        }
        if reportsWritable, end.isBroken || end.hasEnded || room(for: end) > 0 {
            readiness.insert(.writable)
        }
        if end.isAtEnd || end.isBroken { readiness.insert(.ending) }
        return readiness
    }

    // MARK: Expectations

    /// Whether a read would succeed.
    func isReadable(_ descriptor: Int32) -> Bool {
        guard let end = ends[descriptor], end.isOpen else { return false }
        return !end.incoming.isEmpty || end.isAtEnd || end.isBroken
    }

    /// Whether a write would find space, although nothing in flight will report it.
    func hasUnreportedSpace(_ descriptor: Int32) -> Bool {
        guard let end = ends[descriptor], end.isOpen, ends[end.peer]?.isOpen == true else {
            return false
        }
        return room(for: end) > 0 && end.flights.isEmpty
    }

    var openDescriptors: [Int32] {
        (Array(ends.filter(\.value.isOpen).keys) + pollers.filter(\.value).keys).sorted()
    }
}
