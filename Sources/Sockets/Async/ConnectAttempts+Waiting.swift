internal import SystemPackage

extension ConnectAttempts {
    /// The time between two checks of a Unix server whose backlog is full.
    ///
    /// Repeated checks are needed, because the kernel does not report when the backlog has space.
    private static let unixRetryInterval = Duration.milliseconds(10)

    /// Waits until an attempt has connected, without blocking a thread.
    ///
    /// The returned socket is nonblocking.
    ///
    /// - Parameter loop: The loop that watches the descriptors and the clock.
    /// - Returns: The connected socket.
    /// - Throws: An error if all attempts failed, the time limit passed, or the task was cancelled.
    consuming func connect(on loop: EventLoop) async throws(SocketError) -> OwnedSocket {
        /// The event source that waits for all attempts, created at the first wait.
        var watcher: EventSource?
        defer {
            // Deregister the attempts before `watcher` is closed, because their events refer to it.
            closeAll()
            watcher?.close()
        }
        while true {
            switch try advance() {
            case .connected(let socket): return socket
            case .wait(var duration):
                watcher?.writing.word.clear()
                ReadinessWord.publish()
                // Check before waiting, because most attempts to connect to this machine have
                // already ended.
                if check() { continue }
                let watching = watcher ?? EventSource(watchingOn: loop)
                watcher = watching
                try watch(with: watching)
                if isUnix {
                    duration = min(duration ?? Self.unixRetryInterval, Self.unixRetryInterval)
                }
                var deadline = Deadline(duration.map { TimeLimit($0) } ?? .never)
                if await !watching.wait(.writing, until: deadline.start()) {
                    stop(because: .cancelled)
                }
            }
        }
    }

    /// Watches the attempts that started since the last call.
    private mutating func watch(with watcher: EventSource) throws(SocketError) {
        for attempt in takeStarted() where !isUnix {
            let descriptor = attempt.descriptor
            do throws(Errno) {
                try watcher.watch(descriptor)
            } catch {
                throw SocketError(.connect, .system(error))
            }
            attempt.willEnd = { watcher.unwatch(descriptor) }
        }
    }
}
