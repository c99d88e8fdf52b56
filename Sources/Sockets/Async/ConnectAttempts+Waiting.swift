internal import SystemPackage

extension ConnectAttempts {
    /// How long to wait before checking a Unix server whose backlog is full, because the kernel does
    /// not report when there is room.
    private static let unixRetryInterval = Duration.milliseconds(10)

    /// Waits until an attempt has connected, without blocking a thread.
    ///
    /// The socket does not wait by itself.
    ///
    /// - Parameter loop: The loop that watches the descriptors and the clock.
    /// - Returns: The connected socket.
    /// - Throws: The error of the attempts that failed, of the time limit, or of a cancellation.
    consuming func connect(on loop: EventLoop) async throws(SocketError) -> OwnedSocket {
        /// Waits for all attempts. It is created when the first one has to be waited for.
        var watcher: EventSource?
        defer {
            // The loop must forget the attempts before it forgets the source that watches them.
            closeAll()
            watcher?.close()
        }
        while true {
            switch try advance() {
            case .connected(let socket):
                return socket
            case .wait(var duration):
                watcher?.writing.word.clear()
                ReadinessWord.publish()
                // On this machine, most attempts have ended by the time they have started.
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
