import Glibc
import SystemPackage

@testable import Sockets

// The points of `join`, `sendFile`, `abort` and `awaitHangup`.
extension FaultPoint {
    static let blockingJoins =
        joins(.blocking) + [
            // Before it moves bytes, the join checks that both sockets are connected.
            joining(.blocking, .getsockopt, codes: [(.fails(.join), [ENOBUFS])]),
            joining(.blocking, .getsockopt, skipping: 1, codes: [(.fails(.join), [ENOBUFS])]),
        ]
    static let asyncJoins = joins(.tasks)

    private static func joins(_ half: JoinedPair.Half) -> [FaultPoint] {
        [
            joining(
                half, .recv,
                codes: [
                    (.survives, [EINTR]),
                    (.fails(.read), [ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENOMEM]),
                ]),
            joining(
                half, .send,
                codes: [
                    (.survives, [EINTR]),
                    (.fails(.write), [EPIPE, ENOBUFS, ENOMEM]),
                    // The opposite direction may have ended, or it reports the reset.
                    (.eitherFails(.read, .write), [ECONNRESET]),
                ]),
            // The first splice moves bytes into the pipe, and the second one out of it. If splice
            // refuses, the bytes are copied.
            joining(
                half, .splice,
                codes: [
                    (.survives, [EINTR, EAGAIN, EINVAL, ENOMEM, ESPIPE]),
                    (.fails(.read), [ECONNRESET, ETIMEDOUT]),
                ]),
            joining(
                half, .splice, skipping: 1,
                codes: [
                    (.survives, [EINTR, EINVAL, ENOMEM, ESPIPE]),
                    (.fails(.write), [EPIPE]),
                    (.eitherFails(.read, .write), [ECONNRESET]),
                ]),
            joining(half, .pipe, codes: [(.survives, [EMFILE, ENFILE, EINVAL])]),
            // The first calls set the mode of the sockets, and the fifth one the size of the pipe.
            joining(half, .fcntl, codes: [(.survives, [EPERM, EINVAL])]),
            joining(half, .fcntl, skipping: 4, codes: [(.survives, [EPERM, EBUSY, ENOMEM])]),
            // The bytes in the pipe are taken back, because the destination refuses them.
            joining(
                half, .read, before: [.splice: [.pass, .error(.invalidArgument)]],
                codes: [
                    (.survives, [EINTR]), (.failsOtherwise(.write, .invalidArgument), [EIO]),
                ]),
            joining(half, .shutdown, codes: [(.fails(.shutdown), [ENOTCONN, EINVAL])]),
        ]
    }

    /// The number of bytes that move.
    ///
    /// They fit into the queues of Unix sockets, so the join does not have to wait.
    private static let size = 120_000

    private static func joining(
        _ half: JoinedPair.Half, _ call: SystemCall, before: Script = [:], skipping: Int = 0,
        codes: [(outcome: Outcome, codes: [Int32])]
    ) -> FaultPoint {
        FaultPoint(
            name: half == .blocking ? "SocketStream.join" : "Connection.join", call: call,
            before: before, skipping: skipping, codes: codes
        ) { faults in
            let (client, front) = try Socket.pair()
            let (back, server) = try Socket.pair()
            try client.sendAll([UInt8](repeating: 1, count: size))
            try client.shutdown(.write)
            try server.shutdown(.write)
            switch half {
            case .blocking:
                let (stream, other) = (SocketStream(front), SocketStream(back))
                let counts = try FaultInjection.$current.withValue(faults) {
                    try stream.join(other, idleTimeout: .seconds(20))
                }
                precondition(counts == (size, 0))
            case .tasks:
                let front = try Connection(adopting: front)
                let back = try Connection(adopting: back)
                let counts = try await FaultInjection.$current.withValue(faults) {
                    try await front.join(back, idleTimeout: .seconds(20))
                }
                precondition(counts == (size, 0))
            }
            let received = try server.readAll(size)
            precondition(received.count == size)
        }
    }

    // MARK: Files

    static let blockingFiles = [
        sendingFile(.never), sendingFile(.seconds(20)),
        FaultPoint(
            name: "Socket.sendFile of a file that sendfile refuses", call: .pread,
            codes: [
                (.survives, [EINTR]),
                (.fails(.sendFile), [EBADF, EINVAL, EIO, EISDIR, ENXIO, EOVERFLOW, ESPIPE]),
            ]
        ) { faults in
            let (one, other) = try Socket.pair()
            let file = try FileDescriptor.open("/proc/self/status", .readOnly)
            defer { try? file.close() }
            try FaultInjection.$current.withValue(faults) {
                _ = try one.sendFile(file, timeout: .seconds(20))
            }
            other.close()
        },
        FaultPoint(
            // Without the nonblocking mode, the call reads the file and sends the bytes.
            name: "Socket.sendFile with a limit", call: .fcntl,
            codes: [(.survives, [EPERM, EINVAL])]
        ) { faults in
            try sendFile(.seconds(20), faults)
        },
    ]

    private static func sendingFile(_ limit: TimeLimit) -> FaultPoint {
        FaultPoint(
            name: "Socket.sendFile", call: .sendfile,
            codes: [
                (.survives, [EINTR, EAGAIN, EINVAL, EIO, EOVERFLOW, ESPIPE, EBADF]),
                (.fails(.send), [ENOMEM, EPIPE, ECONNRESET]),
            ]
        ) { faults in
            try sendFile(limit, faults)
        }
    }

    private static func sendFile(_ limit: TimeLimit, _ faults: FaultInjection) throws {
        let (one, other) = try Socket.pair()
        let path = Loopback.unixPath() + "-file"
        let file = try FileDescriptor.open(
            FilePath(path), .readWrite, options: .create, permissions: .ownerReadWrite)
        defer { try? file.close() }
        unlink(path)
        try file.writeAll([1, 2, 3])
        try FaultInjection.$current.withValue(faults) {
            _ = try one.sendFile(file, timeout: limit)
        }
        let received = try other.readAll(3)
        precondition(received == [1, 2, 3])
    }

    // MARK: Ends

    static let blockingEnds = [
        FaultPoint(
            name: "Socket.awaitHangup", call: .poll,
            codes: [(.survives, [EINTR]), (.fails(.awaitHangup), [EINVAL, ENOMEM])]
        ) { faults in
            let (one, other) = try Socket.pair()
            other.close()
            try FaultInjection.$current.withValue(faults) {
                try one.awaitHangup(timeout: .seconds(20))
            }
        },
        FaultPoint(
            name: "Socket.awaitHangup that must wait", call: .poll, skipping: 1,
            codes: [(.fails(.awaitHangup), [EINVAL, ENOMEM])]
        ) { faults in
            let (one, other) = try Socket.pair()
            try FaultInjection.$current.withValue(faults) {
                try one.awaitHangup(timeout: .seconds(20))
            }
            other.close()
        },
        FaultPoint(
            name: "Socket.abort", call: .setsockopt, codes: [(.survives, [EINVAL, ENOMEM])]
        ) { faults in
            let (one, _) = try Loopback.tcpPair()
            FaultInjection.$current.withValue(faults) { one.abort() }
            precondition(one.isClosed)
        },
    ]

    static let asyncEnds = [
        FaultPoint(
            name: "Connection.awaitHangup", call: .poll,
            codes: [(.survives, [EINTR]), (.fails(.awaitHangup), [EINVAL, ENOMEM])]
        ) { faults in
            let (one, other) = try Connection.pair()
            other.close()
            try await FaultInjection.$current.withValue(faults) {
                try await one.awaitHangup(timeout: .seconds(20))
            }
        },
        FaultPoint(
            name: "Connection.abort", call: .setsockopt, codes: [(.survives, [EINVAL, ENOMEM])]
        ) { faults in
            let (one, _) = try Connection.pair()
            FaultInjection.$current.withValue(faults) { one.abort() }
            precondition(one.isClosed)
        },
    ]
}
