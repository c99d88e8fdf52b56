import Sockets

/// The last chapter of the tutorial, about two ends that write without reading, and how to avoid
/// that.
enum DeadlockChapter {
    static func deadlock(_ printer: TourPrinter) throws {
        try printer.chapter("Server 5", "Deadlock, and how to avoid it")
        try printer.text(
            """
            If two programs both wait to receive, they wait for ever. If both send and neither \
            receives, they also wait for ever once the kernel's buffers are full. Here each end \
            sends 32 MiB and does not receive. Only the timeout ends the call. The error says how \
            much was sent and why it stopped:
            """)
        let flood = [UInt8](repeating: 46, count: 32 << 20)
        try printer.code("try socket.sendAll(flood, timeout: .seconds(1))")
        for error in try stall(flood) {
            try printer.result(error)
        }

        try printer.text(
            """
            To avoid a deadlock, reply to each request before the next, send little, agree on \
            which end sends, or always receive while you send. Now a second thread of each end \
            receives, and the same 32 MiB go in both directions:
            """)
        try printer.code(
            """
            inThread { try? socket.sendAll(flood) }
            while received < flood.count { received += try socket.receive().count }
            """)
        let (counts, duration) = try flow(flood)
        for count in counts { try printer.result("\(count >> 20) MiB received") }
        try printer.result("in both directions at the same time, in \(duration.brief)")
    }

    /// Returns both ends of a TCP connection in this process.
    private static func connection() throws -> [Socket] {
        let server = try Socket(on: .tcp("127.0.0.1", port: 0))
        let client = try Socket(to: server.localAddress)
        return [client, try server.accept(timeout: .seconds(2))]
    }

    /// Lets both ends send without receiving, and returns their errors.
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
            throw Failure(.otherFailure, "cannot show a deadlock: both ends could send everything")
        }
        return errors.update { $0 }
    }

    /// Lets both ends send and receive at the same time.
    ///
    /// Returns how many bytes each end received, and how long it took.
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
            throw Failure(
                .otherFailure, "cannot transfer 32 MiB in both directions: no result in 5 s")
        }
        return (counts.update { $0 }, start.duration(to: .now))
    }

    /// Receives as many bytes as the peer sends, and returns their number.
    private static func receive(_ flood: [UInt8], from socket: Socket) throws -> Int {
        var received = 0
        while received < flood.count { received += try socket.receive().count }
        return received
    }

    private static func inThread(_ body: @escaping @Sendable () -> Void) {
        Worker.start(body)
    }
}
