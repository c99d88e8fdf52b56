internal import Synchronization
internal import SystemPackage

// Descriptors that are passed to other code.
extension EventSource {
    /// Gives up the descriptor, which the caller then owns.
    ///
    /// The descriptor gets back its blocking mode, unless another one may share the socket.
    /// The source is then closed.
    ///
    /// - Parameter unread: Returns what the program has not read yet, as a phrase for an error, or
    ///   `nil`. It runs while no other operation reads.
    /// - Returns: The descriptor.
    /// - Throws: The phrase as ``SocketError/Cause/invalidInput(_:)``, or `EBUSY` if an operation
    ///   uses the descriptor.
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
    /// Its owner may also set `SO_LINGER` for both.
    func noteShared() {
        isShared.store(true, ordering: .releasing)
        linger.noteSet()
    }
}
