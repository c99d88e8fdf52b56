internal import Synchronization
internal import SystemPackage

/// Closes a connection by the rules of `SO_LINGER`, without ever waiting.
///
/// If the option is zero, the close resets the connection. If it is positive, close(2) would wait
/// until the peer has acknowledged the sent bytes, which would hold up every connection of an event
/// loop. A positive value has no other effect, so this type turns the option off before it closes
/// the descriptor. It queries the kernel only if the option may be set.
struct LingerState: ~Copyable {
    private let maySet: Atomic<Bool>

    /// Creates the state of a socket.
    ///
    /// - Parameter maySet: Whether the option may already be set.
    init(maySet: Bool) { self.maySet = Atomic(maySet) }

    /// A Boolean value that indicates whether the option may be set.
    ///
    /// Accepted sockets inherit the option.
    var mayBeSet: Bool { maySet.load(ordering: .relaxed) }

    /// Notes that the program has set the option, or an option by level and number that may be
    /// `SO_LINGER`.
    func noteSet() { maySet.store(true, ordering: .relaxed) }

    /// Returns whether closing the descriptor resets the connection.
    func resets(_ descriptor: Int32) -> Bool { seconds(descriptor) == 0 }

    /// Resets or shuts down the connection, which wakes the threads that wait inside calls.
    ///
    /// The descriptor is released later, when those calls have ended.
    @inline(never)
    func hangUp(_ descriptor: Int32) {
        // If closing must reset the connection, do not shut it down, because the peer would then
        // regard the stream as complete.
        if resets(descriptor), Self.reset(descriptor) { return }
        // Ignore the error, because the shutdown wakes the waiting threads even if the socket is
        // not connected.
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
