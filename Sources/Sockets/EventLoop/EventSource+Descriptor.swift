internal import Synchronization
internal import SystemPackage

// Descriptors that are passed to other code.
extension EventSource {
    /// Gives up the descriptor, which the caller then owns.
    ///
    /// The call closes the source. It restores the descriptor's blocking mode, unless another
    /// descriptor may share the socket.
    ///
    /// - Parameter unread: A closure that returns `nil` if the program has read everything, and
    ///   otherwise a phrase for the error. It runs while no other operation reads.
    /// - Returns: The descriptor.
    /// - Throws: `invalidInput` with the phrase that `unread` returned, `EBUSY` if an operation
    ///   uses the descriptor, `closed` if the source is closed, or the error of fcntl(2). After an
    ///   error of fcntl(2), the descriptor is closed.
    func releaseDescriptor(unless unread: () -> String?) throws(WaitFailure) -> Int32 {
        do throws(WaitFailure) {
            try beginReading()
        } catch {
            throw error.cause == .busy ? WaitFailure(.system(.resourceBusy)) : error
        }
        if let unread = unread() {
            endReading()
            throw WaitFailure(.invalidInput(unread))
        }
        guard lifetime.takeDescriptor(isInside: true) else {
            let cause = lifetime.isClosed ? SocketError.Cause.closed : .system(.resourceBusy)
            endReading()
            throw WaitFailure(cause)
        }
        isReading.store(false, ordering: .releasing)
        loop.deregister(self)
        let owned = OwnedDescriptor(descriptor)
        if !isShared.load(ordering: .acquiring) {
            do throws(Errno) {
                try System.setBlocking(descriptor, modeAfterRelease == .blocking)
            } catch {
                throw WaitFailure(.system(error))
            }
        }
        return owned.take()
    }

    /// Returns a second descriptor of the socket: dup(2).
    ///
    /// From now on, the source treats the socket as shared.
    func duplicateDescriptor() throws(Errno) -> Int32 {
        noteShared()
        return try System.duplicate(descriptor)
    }

    /// Records that another descriptor may refer to the same socket.
    ///
    /// The owner of that descriptor may set `SO_LINGER`, which applies to both descriptors.
    func noteShared() {
        isShared.store(true, ordering: .releasing)
        linger.noteSet()
    }
}
