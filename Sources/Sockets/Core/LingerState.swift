internal import Synchronization
internal import SystemPackage

/// Closes a connection by the rules of `SO_LINGER`, without ever waiting.
///
/// If the option is zero, the close resets the connection. If it is positive, close(2) would wait
/// until the peer has acknowledged the sent bytes, which would hold up every connection of an event
/// loop. The option has no other effect, so it is turned off first. The kernel is only asked if the
/// option may be set.
struct LingerState: ~Copyable {
    private let maySet: Atomic<Bool>

    /// - Parameter maySet: Whether the option may already be set.
    init(maySet: Bool) { self.maySet = Atomic(maySet) }

    /// Whether the option may be set, for a socket that inherits it.
    var mayBeSet: Bool { maySet.load(ordering: .relaxed) }

    /// Notes that the program has set the option, or an option that may be this one.
    func noteSet() { maySet.store(true, ordering: .relaxed) }

    /// Returns whether closing the descriptor resets the connection.
    func resets(_ descriptor: Int32) -> Bool { seconds(descriptor) == 0 }

    /// Tells the peer of the close, and wakes the threads that wait inside a call.
    ///
    /// The descriptor is released later, when those calls have left.
    @inline(never)
    func hangUp(_ descriptor: Int32) {
        // A shutdown would end the stream, and the peer would take it for complete.
        if resets(descriptor), Self.reset(descriptor) { return }
        // It fails on a socket that is not connected, and wakes the waiting threads all the same.
        try? System.shutdown(descriptor, .both)
    }

    /// Closes the descriptor.
    @inline(__always)
    func close(_ descriptor: Int32) {
        if _slowPath(mayBeSet), let seconds = seconds(descriptor), seconds > 0 {
            try? System.setLinger(descriptor, nil)
        }
        System.close(descriptor)
    }

    /// Resets a TCP connection at once: connect(2) with `AF_UNSPEC`.
    ///
    /// Returns `false` for a Unix socket, which has no reset.
    static func reset(_ descriptor: Int32) -> Bool {
        (try? System.connect(descriptor, RawSocketAddress(.unnamed))) != nil
    }

    private func seconds(_ descriptor: Int32) -> Int32? {
        guard mayBeSet else { return nil }
        return (try? System.linger(descriptor)) ?? nil
    }
}
