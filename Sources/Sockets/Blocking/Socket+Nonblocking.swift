internal import Synchronization
internal import SystemPackage

// The nonblocking mode, for system calls without a flag like `MSG_DONTWAIT`.
extension Socket {
    /// Makes the descriptor nonblocking until `endNonblocking`.
    ///
    /// Other calls on this socket then wait with poll(2). The caller must have called `enter`.
    ///
    /// Returns `false`, and changes nothing, if other users may share the descriptor, because the
    /// mode applies to all of them.
    func beginNonblocking() -> Bool {
        guard sharing.load(ordering: .sequentiallyConsistent) == .none else { return false }
        return names.withLock { names in
            if names.nonblockingCalls == 0 {
                guard (try? System.setBlocking(descriptor, false)) != nil else { return false }
            }
            names.nonblockingCalls += 1
            return true
        }
    }

    /// Makes the descriptor blocking again when the last call that needs the mode has ended.
    func endNonblocking() {
        names.withLock { names in
            names.nonblockingCalls -= 1
            // An error leaves the descriptor nonblocking, in which case calls wait with poll(2).
            if names.nonblockingCalls == 0 { try? System.setBlocking(descriptor, true) }
        }
    }
}
