import Sockets

/// The tutorial's last lesson: both ends write, nobody reads, nothing moves. And the cure.
enum DeadlockChapter {
    static func deadlock(_ guide: Guide) throws {
        try guide.chapter("Server 5", "Deadlock, and the way out")
        try guide.text(
            """
            Two programs that both receive wait for ever. Two that both send wait as well, as soon \
            as the buffers of the kernel between them are full, because nobody empties them. Here \
            each end sends 32 MiB and does not read. Only the time limit ends it, and tells how \
            far it had got, and why it stopped:
            """)
        let flood = [UInt8](repeating: 46, count: 32 << 20)
        try guide.code("try socket.sendAll(flood, timeout: .seconds(1))")
        for error in try stall(flood) {
            try guide.result(error.firstLine)
            for sentence in error.stallReport?.sentences ?? [] { try guide.detail(sentence) }
        }

        try guide.text(
            """
            The cures: answer each request before the next, send little, agree on whose turn it \
            is, or, always, receive while you send. Now each end has a second thread that \
            receives, and the same 32 MiB go both ways:
            """)
        try guide.code(
            """
            inThread { try? socket.sendAll(flood) }
            while received < flood.count { received += try socket.receive().count }
            """)
        let (counts, duration) = try flow(flood)
        for count in counts { try guide.result("\(count >> 20) MiB received") }
        try guide.result("both ways at once, in \(duration.brief)")
    }

    /// Both ends of one TCP connection, in this process.
    private static func connection() throws -> [Socket] {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let client = try Socket(to: server.localAddress)
        return [client, try server.accept(timeout: .seconds(2))]
    }

    /// Both ends send, nobody receives: what each of them met with.
    private static func stall(_ flood: [UInt8]) throws -> [SocketError] {
        let errors = Monitor<[SocketError]>([])
        let sockets = try connection()
        for socket in sockets {
            inThread {
                do throws(SocketError) {
                    try socket.sendAll(flood, timeout: .seconds(1))
                } catch {
                    errors.update { $0.append(error) }
                }
            }
        }
        guard errors.wait(atMost: .seconds(5), until: { $0.count == 2 }) else {
            throw Failure(.otherFailure, "the tour expected a deadlock, and there was none")
        }
        return errors.update { $0 }
    }

    /// Both ends send and receive at once: how much each of them received, and how long it took.
    private static func flow(_ flood: [UInt8]) throws -> ([Int], Duration) {
        let counts = Monitor<[Int]>([])
        let start = ContinuousClock.now
        for socket in try connection() {
            inThread { try? socket.sendAll(flood) }
            inThread {
                let count = try? receive(flood, from: socket)
                counts.update { $0.append(count ?? 0) }
            }
        }
        guard counts.wait(atMost: .seconds(5), until: { $0.count == 2 }) else {
            throw Failure(.otherFailure, "the tour could not move its bytes in 5 s")
        }
        return (counts.update { $0 }, start.duration(to: .now))
    }

    /// Receives as much as the peer sends.
    private static func receive(_ flood: [UInt8], from socket: Socket) throws -> Int {
        var received = 0
        while received < flood.count { received += try socket.receive().count }
        return received
    }

    private static func inThread(_ body: @escaping @Sendable () -> Void) {
        Worker.start(body)
    }
}
